package bound

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"codepool/bench/host"
	"codepool/bench/peer"
	"codepool/gen"
)

const (
	// RecordSize is the bytes written for a redemption: what codepool's log grows by for
	// each of a RedeemAll of 1000 with 8-byte users. A test compares the two.
	RecordSize = 17

	diskHead = 4096    // bytes before the records: how many codes were handed out
	diskPad  = 1 << 20 // zeros written ahead at a time, so that most syncs find their blocks written
	digits   = 6       // of a code's number, in base 32
)

// disk is the limit of the disk: redeeming appends a record to a file, and callers
// that come while it is being synced share the next sync. There is no stock: codes are
// numbers with random characters behind them, and a bit for each number refuses a second
// redemption, since any larger table would be a limit of its own. A code that was
// never made up is not refused if its number was handed out.
type disk struct {
	f *os.File

	mu struct {
		sync.Mutex
		redeemed []uint64 // a bit for each code handed out
		handed   int64
		records  int64
		next     *diskGroup // takes callers; who comes first is its leader
		spare    []byte     // the memory of a group that is done
	}

	// writing is held by one leader at a time; while it syncs, the next group fills.
	// Lock order: writing → mu.
	writing struct {
		sync.Mutex
		end, pad int64 // of the records, and of the zeros after them
		failed   error // of the first write or sync: nothing is written after it
	}
}

// diskGroup is the records that one sync makes durable.
type diskGroup struct {
	buf  []byte
	done chan struct{} // closed when err is set
	err  error
}

func openDisk(dir string) (peer.System, error) {
	f, err := os.OpenFile(filepath.Join(dir, "records"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	d := &disk{f: f}
	d.mu.next = &diskGroup{done: make(chan struct{})}
	if err := d.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return d, nil
}

// load reads the file from its head to the first record that is zero.
func (d *disk) load() error {
	b, err := io.ReadAll(d.f)
	if err != nil {
		return err
	}
	d.writing.end, d.writing.pad = diskHead, max(diskHead, int64(len(b)))
	if len(b) < diskHead {
		return d.f.Truncate(diskHead)
	}
	d.grow(int64(binary.LittleEndian.Uint64(b)))
	for b = b[diskHead:]; len(b) >= RecordSize; b = b[RecordSize:] {
		n := binary.LittleEndian.Uint32(b)
		if n == 0 {
			break
		}
		if !d.burn(int64(n) - 1) {
			return fmt.Errorf("record %d is of a code that is redeemed or was not handed out", d.mu.records)
		}
		d.mu.records++
		d.writing.end += RecordSize
	}
	return nil
}

// Mint does nothing: codes are made when they are handed out.
func (d *disk) Mint(context.Context, int) error { return nil }

// HandOut makes k codes and writes how many there are.
func (d *disk) HandOut(_ context.Context, k int, each func(string)) error {
	g, err := gen.NewGenerator(gen.DefaultFormat())
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	first := d.mu.handed
	if first+int64(k) > 1<<(5*digits) {
		return peer.ErrStock
	}
	var head [8]byte
	binary.LittleEndian.PutUint64(head[:], uint64(first+int64(k)))
	if _, err := d.f.WriteAt(head[:], 0); err != nil {
		return err
	}
	if err := d.f.Sync(); err != nil {
		return err
	}
	d.grow(first + int64(k))
	var buf []byte
	for n := first; n < first+int64(k); n++ {
		if buf, err = g.AppendCode(buf[:0]); err != nil {
			return err
		}
		number := strconv.FormatInt(1<<(5*digits)+n, 32) // with a digit before it, for the zeros
		each(number[1:] + string(buf[digits:]))
	}
	return nil
}

// grow makes room for that many codes.
// REQUIRES: d.mu, or that nobody else has d.
func (d *disk) grow(handed int64) {
	d.mu.handed = handed
	d.mu.redeemed = append(d.mu.redeemed, make([]uint64, (handed+63)/64-int64(len(d.mu.redeemed)))...)
}

// burn sets the bit of a code and reports whether that was allowed.
// REQUIRES: d.mu, or that nobody else has d.
func (d *disk) burn(n int64) bool {
	if n < 0 || n >= d.mu.handed || d.mu.redeemed[n/64]&(1<<(n%64)) != 0 {
		return false
	}
	d.mu.redeemed[n/64] |= 1 << (n % 64)
	return true
}

// numberOf returns the number of a code, -1 if it has none.
func numberOf(code string) int64 {
	if len(code) < digits {
		return -1
	}
	n, err := strconv.ParseInt(code[:digits], 32, 64)
	if err != nil {
		return -1
	}
	return n
}

// RedeemOne appends one record.
func (d *disk) RedeemOne(_ context.Context, code, user string) error {
	d.mu.Lock()
	group := d.mu.next
	lead := len(group.buf) == 0
	err := d.appendLocked(code, user)
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return d.wait(group, lead)
}

// RedeemMany appends the records of a call together, up to the first that is refused.
func (d *disk) RedeemMany(_ context.Context, rs []peer.Redemption) (err error) {
	d.mu.Lock()
	group := d.mu.next
	before := len(group.buf)
	for i := 0; i < len(rs) && err == nil; i++ {
		err = d.appendLocked(rs[i].Code, rs[i].User)
	}
	appended := len(group.buf) > before
	d.mu.Unlock()
	if !appended {
		return err
	}
	return errors.Join(err, d.wait(group, before == 0))
}

// appendLocked adds the record of one redemption to the next group. A refusal is
// answered at once, also if the redemption before it is not synced yet.
func (d *disk) appendLocked(code, user string) error {
	n := numberOf(code)
	if !d.burn(n) {
		return errRefused
	}
	var record [RecordSize]byte
	binary.LittleEndian.PutUint32(record[:], uint32(n)+1)
	copy(record[4:], user)
	d.mu.next.buf = append(d.mu.next.buf, record[:]...)
	return nil
}

// wait returns when the group is on the disk; its leader puts it there.
func (d *disk) wait(group *diskGroup, lead bool) error {
	if !lead {
		<-group.done
		return group.err
	}
	w := &d.writing
	w.Lock()
	defer w.Unlock()
	d.mu.Lock()
	d.mu.next = &diskGroup{buf: d.mu.spare[:0], done: make(chan struct{})}
	d.mu.spare = nil
	d.mu.Unlock()
	if w.failed == nil {
		w.failed = d.write(group.buf)
	}
	group.err = w.failed
	close(group.done)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.spare = group.buf
	if group.err == nil {
		d.mu.records += int64(len(group.buf) / RecordSize)
	}
	return group.err
}

// write appends the records, with zeros ahead of them, and syncs.
// REQUIRES: d.writing
func (d *disk) write(records []byte) error {
	w := &d.writing
	if end := w.end + int64(len(records)); end > w.pad {
		if _, err := d.f.WriteAt(make([]byte, diskPad), end); err != nil {
			return err
		}
		w.pad = end + diskPad
	}
	if _, err := d.f.WriteAt(records, w.end); err != nil {
		return err
	}
	w.end += int64(len(records))
	return host.Sync(d.f)
}

// Audit compares the number of records.
func (d *disk) Audit(_ context.Context, want peer.Ledger) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.records != want.Redeemed {
		return peer.Mismatch("records", d.mu.records, want.Redeemed)
	}
	return nil
}

// Close closes the file; every answer was synced.
func (d *disk) Close() error { return d.f.Close() }
