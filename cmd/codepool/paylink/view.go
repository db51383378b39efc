package paylink

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
)

//go:embed pages/*.html
var files embed.FS

//go:embed pages/style.css
var style string

// pages are the templates: one for each wallet, named by it, plain, receipt and problem.
var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"style": func() template.CSS { return template.CSS(style) },
}).ParseFS(files, "pages/*.html"))

// policy lets a page show pictures of this host, use its own style and send forms to this
// host, and nothing else.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; img-src 'self'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

const pageType = "text/html; charset=utf-8"

// view is what a page shows.
type view struct {
	Link    Link
	Order   Order
	Wallet  Wallet
	Wallets []Wallet // to pick from
	Demo    bool
	Token   string // for the form of the page
	Problem problem
}

// send answers with a page.
func (v view) send(w http.ResponseWriter, status int, page string) error {
	var text bytes.Buffer
	if err := pages.ExecuteTemplate(&text, page+".html", v); err != nil {
		return err
	}
	sendBytes(w, status, pageType, text.Bytes())
	return nil
}

// sendBytes answers with what is complete. A client that went away is not our error.
func sendBytes(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
