//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"codepool/cmd/codepool/paylink"
)

// shop is a data directory with a secret and two links; serve runs the program on it.
type shop struct {
	*testing.T
	data      string
	tea, seat string // ids; the seat is for one order

	server *exec.Cmd
	stderr *bytes.Buffer
	base   string
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{T: t, data: filepath.Join(t.TempDir(), "data")}
	s.run("order", "secret")
	create := func(args ...string) string {
		t.Helper()
		var link struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(s.run(append([]string{"pay", "create", "--goods", "Tea", "--price", "1.50", "--currency", "CNY", "--json"}, args...)...), &link); err != nil {
			t.Fatal(err)
		}
		return link.ID
	}
	s.tea, s.seat = create(), create("--once")
	return s
}

// run runs the program to its end.
func (s *shop) run(args ...string) []byte {
	s.Helper()
	cmd, stderr := program(s.T, append(args, "--data", s.data)...)
	out, err := cmd.Output()
	if err != nil {
		s.Fatalf("%v: %v: %s", args, err, stderr)
	}
	return out
}

// serve starts the server and returns what it prints of itself.
func (s *shop) serve(args ...string) (printed string) {
	s.Helper()
	s.server, s.stderr = program(s.T, append([]string{"pay", "serve", "--addr", "127.0.0.1:0", "--demo", "--data", s.data}, args...)...)
	out, err := s.server.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := s.server.Start(); err != nil {
		s.Fatal(err)
	}
	wrong := func(text string, err error) {
		s.Helper()
		_ = s.server.Process.Kill() // it writes to stderr until it has ended
		_ = s.server.Wait()
		s.Fatalf("%q, %v: %s", text, err, s.stderr)
	}
	in := bufio.NewReader(out)
	first, err := in.ReadString('\n')
	var found bool
	if s.base, found = strings.CutPrefix(strings.TrimSpace(first), "serving "); !found {
		wrong(first, err)
	}
	if len(args) == 0 {
		return first
	}
	for !strings.Contains(printed, "▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀") { // the last line of the code
		line, err := in.ReadString('\n')
		if err != nil {
			wrong(printed, err)
		}
		printed += line
	}
	return printed
}

// stop ends the server by a signal.
func (s *shop) stop(sig syscall.Signal) error {
	s.Helper()
	if err := s.server.Process.Signal(sig); err != nil {
		s.Fatal(err)
	}
	return s.server.Wait()
}

// orders is what the program lists.
func (s *shop) orders(link string) (all []paylink.Order) {
	s.Helper()
	for d := json.NewDecoder(bytes.NewReader(s.run("pay", "orders", link, "--json"))); ; {
		var o paylink.Order
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			s.Fatal(err)
		}
		all = append(all, o)
	}
}

// customer is a browser, with what it was shown.
type customer struct {
	http.Client
	number string // of its order for tea
	paid   bool
}

func newCustomer(t *testing.T) *customer {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &customer{Client: http.Client{Jar: jar, Transport: &http.Transport{}}}
}

var (
	pageNumber = regexp.MustCompile(`\b\d{18}\b`)
	pageField  = regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`)
)

// do sends a request of a wallet and returns the page that it ends at.
func (c *customer) do(method, to string, form url.Values) (status int, page string, err error) {
	r, err := http.NewRequest(method, to, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("User-Agent", "MicroMessenger/8.0")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// look opens a link and notes the order that it shows.
func (c *customer) look(t *testing.T, link string) (page string, err error) {
	status, page, err := c.do("GET", link, nil)
	if err != nil {
		return "", err
	}
	number := pageNumber.FindString(page)
	if status != http.StatusOK || number == "" || c.number != "" && number != c.number || c.paid && !strings.Contains(page, "<h1>Paid</h1>") {
		t.Errorf("order %q, paid %v, then status %d: %s", c.number, c.paid, status, page)
	}
	c.number = number
	return page, nil
}

// pay presses the button of a page.
func (c *customer) pay(t *testing.T, link, page string) error {
	form := url.Values{}
	for _, f := range pageField.FindAllStringSubmatch(page, -1) {
		form.Set(f[1], f[2])
	}
	status, page, err := c.do("POST", link+"/pay", form)
	if err != nil {
		return err
	}
	if status != http.StatusOK || !strings.Contains(page, "<h1>Paid</h1>") || !strings.Contains(page, c.number) {
		t.Errorf("order %s is not paid: status %d: %s", c.number, status, page)
	}
	c.paid = true
	return nil
}

// The server says where it is, shows the code of a link, and ends well at a signal.
func TestPayServe(t *testing.T) {
	s := newShop(t)
	if printed := s.serve(s.tea); !strings.Contains(printed, s.base+"/p/"+s.tea) || !strings.HasPrefix(s.base, "http://127.0.0.1:") {
		t.Errorf("it prints %q and is at %s", printed, s.base)
	}
	c := newCustomer(t)
	page, err := c.look(t, s.base+"/p/"+s.tea)
	if err == nil {
		err = c.pay(t, s.base+"/p/"+s.tea, page)
	}
	if err != nil {
		t.Fatal(err, s.stderr)
	}
	if err := s.stop(syscall.SIGTERM); err != nil || !strings.Contains(s.stderr.String(), "ended") {
		t.Fatalf("%v: %s", err, s.stderr)
	}
	if all := s.orders(s.tea); len(all) != 1 || all[0].Number != c.number || all[0].Payment != "demo-"+c.number || all[0].Wallet != paylink.WeChat {
		t.Errorf("orders %+v", all)
	}
}

// Killed in the middle of many orders and payments, and begun again: each browser finds the
// order that it had, paid if it was told so, and none has two.
func TestPayKilled(t *testing.T) {
	s := newShop(t)
	s.serve()
	const workers, enough = 8, 5 // customers each, of the first to have them
	served := make(chan struct{}, workers)
	var wg sync.WaitGroup
	all := make([][]*customer, workers)
	for i := range workers {
		wg.Go(func() {
			for n := 0; ; n++ {
				if n == enough {
					served <- struct{}{}
				}
				c := newCustomer(t)
				all[i] = append(all[i], c)
				defer c.CloseIdleConnections()
				page, err := c.look(t, s.base+"/p/"+s.tea)
				if err == nil && n%3 > 0 {
					err = c.pay(t, s.base+"/p/"+s.tea, page)
				}
				if err == nil {
					_, _, err = c.do("GET", s.base+"/p/"+s.seat, nil)
				}
				if err != nil { // it was killed
					return
				}
			}
		})
	}
	<-served
	if err := s.stop(syscall.SIGKILL); err == nil {
		t.Fatal("it ended before it was killed")
	}
	wg.Wait()

	s.serve()
	numbers, paid := map[string]bool{}, 0
	for _, c := range slices.Concat(all...) {
		if c.number == "" { // never answered: it has no cookie
			continue
		}
		if _, err := c.look(t, s.base+"/p/"+s.tea); err != nil {
			t.Fatal(err, s.stderr)
		}
		if numbers[c.number] {
			t.Errorf("order %s is of two", c.number)
		}
		numbers[c.number] = true
		if c.paid {
			paid++
		}
		c.CloseIdleConnections()
	}
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err, s.stderr)
	}
	sessions := map[string]bool{}
	for _, o := range s.orders(s.tea) {
		if sessions[o.Session] {
			t.Errorf("session %s has two orders", o.Session)
		}
		sessions[o.Session] = true
		delete(numbers, o.Number)
		if o.Paid() {
			paid--
		}
	}
	if len(numbers) > 0 || paid > 0 || len(sessions) == 0 {
		t.Errorf("orders not listed: %v; payments not listed: %d; sessions: %d", numbers, paid, len(sessions))
	}
	if all := s.orders(s.seat); len(all) != 1 {
		t.Errorf("the seat is of %+v", all)
	}
	s.run("verify")
}
