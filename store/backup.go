package store

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"

	"codepool/store/internal/journal"
)

// A backup is a stream:
//
//	"codepool backup, format 1\n"
//	frames:  'D' | length (4) | crc32c of payload (4) | payload: pairs as
//	         uvarint key length, key, uvarint value length, value
//	last:    'M' | length (4) | crc32c of payload (4) | manifest as JSON
//
// and nothing after it. The manifest counts the pairs, names the last ledger number
// and holds the SHA-256 of everything before its frame, so a stream that was cut,
// altered or joined is refused.
const (
	backupHead   = "codepool backup, format 1\n"
	backupPrefix = "codepool backup, format "
	frameData    = 'D'
	frameEnd     = 'M'
	frameSize    = 1 << 20 // payload at which a frame is closed
	frameMax     = 4 << 20 // largest payload that is believed
	maxValue     = 1 << 20 // no value is longer, see journal.Engine
)

// Manifest describes a backup.
type Manifest struct {
	Version  int       `json:"version"`
	Created  time.Time `json:"created"`
	Entries  int64     `json:"entries"`  // stored pairs
	Codes    int64     `json:"codes"`    // codes in all runs
	Sequence uint64    `json:"sequence"` // last ledger number
	Bytes    int64     `json:"bytes"`    // length of the stream before the manifest
	Checksum string    `json:"checksum"` // SHA-256 of it, hexadecimal
}

// Backup writes everything that was durable when it was called to w. The store goes
// on working meanwhile. The caller syncs what is behind w.
func (s *Store) Backup(ctx context.Context, w io.Writer) (Manifest, error) {
	if w == nil {
		return Manifest{}, invalid("there is no writer for the backup")
	}
	if s.closed.Load() {
		return Manifest{}, ErrClosed
	}
	if ctx.Err() != nil {
		return Manifest{}, context.Cause(ctx)
	}
	if err := s.com.waitAll(ctx); err != nil {
		return Manifest{}, err
	}
	f := &frameWriter{w: w, sum: sha256.New()}
	m := Manifest{Version: FormatVersion, Created: s.opt.Clock().UTC()}
	if err := f.write([]byte(backupHead)); err != nil {
		return m, err
	}
	durable := s.com.durableRecord.Load()
	err := s.eng.View(func(r journal.Reader) error {
		var inv inventory
		if err := inv.open(r); err != nil {
			return err
		}
		err := r.Scan(nil, nil, func(key, value []byte) error {
			keep, err := inv.add(key, value)
			if err != nil || !keep {
				return err
			}
			if m.Entries++; m.Entries%256 == 0 && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return f.add(key, value)
		})
		m.Codes, m.Sequence = inv.minted, inv.last
		if err == nil {
			err = inv.check(durable)
		}
		return err
	})
	if err == nil {
		err = f.flush()
	}
	if err != nil {
		return m, fmt.Errorf("backup: %w", err)
	}
	m.Bytes, m.Checksum = f.n, hex.EncodeToString(f.sum.Sum(nil))
	body, err := json.Marshal(m)
	if err == nil {
		err = f.frame(frameEnd, body)
	}
	return m, err
}

// frameWriter writes frames and sums up what it wrote.
type frameWriter struct {
	w   io.Writer
	sum hash.Hash
	n   int64
	buf []byte
}

func (f *frameWriter) write(b []byte) error {
	_, _ = f.sum.Write(b)
	n, err := f.w.Write(b)
	f.n += int64(n)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

func (f *frameWriter) add(key, value []byte) error {
	f.buf = binary.AppendUvarint(f.buf, uint64(len(key)))
	f.buf = append(f.buf, key...)
	f.buf = binary.AppendUvarint(f.buf, uint64(len(value)))
	f.buf = append(f.buf, value...)
	if len(f.buf) >= frameSize {
		return f.flush()
	}
	return nil
}

func (f *frameWriter) flush() error {
	if len(f.buf) == 0 {
		return nil
	}
	err := f.frame(frameData, f.buf)
	f.buf = f.buf[:0]
	return err
}

func (f *frameWriter) frame(kind byte, payload []byte) error {
	head := make([]byte, 9)
	head[0] = kind
	binary.LittleEndian.PutUint32(head[1:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(head[5:], crc32.Checksum(payload, castagnoli))
	if err := f.write(head); err != nil {
		return err
	}
	return f.write(payload)
}

// Restore makes a new store in dir, which must be missing or empty (ErrNotEmpty), from
// a backup. A stream that is cut, altered or of another format is refused
// (*CorruptError, ErrFormat) and then dir is as it was. The restored store is opened
// and checked before it counts as one. It takes no keys of signed batches: who opens it
// then does.
func Restore(ctx context.Context, dir string, r io.Reader) (m Manifest, err error) {
	if r == nil {
		return m, invalid("there is no reader to restore from")
	}
	opt := Options{}.withDefaults()
	opt.Clock = func() time.Time { return time.Time{} } // nothing is over: it becomes what the backup has
	made := missing(dir)
	d, fresh, err := openDirectory(dir, true, &opt)
	if err != nil {
		if errors.Is(err, ErrFormat) { // what is there is of no matter
			err = fmt.Errorf("%w: %v", ErrNotEmpty, err)
		}
		return m, err
	}
	if names, _ := os.ReadDir(filepath.Join(dir, journal.Dir)); !fresh || len(names) > 0 {
		return m, errors.Join(fmt.Errorf("%w: %s holds a store", ErrNotEmpty, dir), d.close())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close(), undoRestore(dir, made))
		}
	}()
	if err = writeFileSync(filepath.Join(dir, restoringFile), []byte("a restore is at work\n")); err != nil {
		return m, err
	}
	// crash point: restore: it has begun
	if m, err = restorePairs(ctx, dir, r, &opt, d); err != nil {
		return m, err
	}
	// crash point: restore: all pairs are written
	s, err := open(d, true, true, &opt)
	if err != nil {
		return m, fmt.Errorf("restored data does not open: %w", err)
	}
	if got := s.com.lastRecord(); got != m.Sequence {
		return m, errors.Join(&CorruptError{What: "backup", Why: fmt.Sprintf("its ledger ends at %d, its manifest says %d", got, m.Sequence)}, s.Close())
	}
	if got := s.minted(); got != m.Codes {
		return m, errors.Join(&CorruptError{What: "backup", Why: fmt.Sprintf("it holds %d codes, its manifest says %d", got, m.Codes)}, s.Close())
	}
	// crash point: restore: the store is opened and checked
	if err = os.Remove(filepath.Join(dir, restoringFile)); err != nil {
		return m, errors.Join(err, s.Close())
	}
	// crash point: restore: it is done and not closed
	return m, s.Close()
}

// minted is how many codes there are in all.
func (s *Store) minted() (n int64) {
	for _, b := range s.Batches() {
		n += b.Counts.Minted
	}
	return n
}

// undoRestore removes what a failed restore wrote, with the directories that it made.
func undoRestore(dir string, made []string) error {
	var errs []error
	for _, name := range []string{formatFile, journal.Dir, highWaterFile, lockFile, restoringFile, journal.BallastFile} {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, name)))
	}
	for _, d := range made {
		errs = append(errs, os.Remove(d))
	}
	return errors.Join(errs...)
}

// restorePairs reads the stream into a new engine.
func restorePairs(ctx context.Context, path string, r io.Reader, opt *Options, d *directory) (m Manifest, err error) {
	engine, err := journal.Open(path, d.journal)
	if err != nil {
		return m, err
	}
	eng := &journal.Fuse{Engine: engine}
	d.head.Serve()
	eng.Tidy(d.head)
	defer func() { err = errors.Join(err, d.head.End(), eng.Close()) }()
	f := &frameReader{r: bufio.NewReaderSize(&steadyReader{ctx, r}, 1<<20), sum: sha256.New()}
	if err := f.head(); err != nil {
		return m, err
	}
	var entries int64
	var pairs []journal.Pair
	for {
		if ctx.Err() != nil {
			return m, context.Cause(ctx)
		}
		if err := d.room(true); err != nil {
			return m, err
		}
		before, sum := f.n, hex.EncodeToString(f.sum.Sum(nil))
		kind, payload, err := f.frame()
		if err != nil {
			return m, err
		}
		if kind == frameEnd {
			return m, f.end(payload, &m, entries, before, sum)
		}
		if pairs, err = decodePairs(payload, pairs[:0]); err != nil {
			return m, err
		}
		entries += int64(len(pairs))
		if err := eng.Commit(pairs); err != nil {
			return m, err
		}
		// crash point: restore: some pairs are written
	}
}

// decodePairs splits a frame's payload; each pair must pass its own checksum.
func decodePairs(payload []byte, pairs []journal.Pair) ([]journal.Pair, error) {
	d := decoder{b: payload}
	for len(d.b) > 0 {
		p := journal.Pair{Key: d.text(), Value: d.text()}
		if d.bad || len(p.Key) == 0 || keyNames[p.Key[0]] == "" {
			return nil, &CorruptError{What: "backup", Why: "a frame does not hold whole pairs"}
		}
		if len(p.Value) > maxValue {
			return nil, corrupt(p.Key, "it is longer than a store writes any")
		}
		if _, err := unseal(p.Key, p.Value); err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

// frameReader reads and checks frames.
type frameReader struct {
	r   *bufio.Reader
	sum hash.Hash
	n   int64
}

// read fills b; an end of the stream is a cut.
func (f *frameReader) read(b []byte) error {
	n, err := io.ReadFull(f.r, b)
	f.n += int64(n)
	_, _ = f.sum.Write(b[:n])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &CorruptError{What: "backup", Why: fmt.Sprintf("the stream is cut off after %d bytes", f.n)}
	}
	return err
}

func (f *frameReader) head() error {
	line, err := f.r.Peek(len(backupHead))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if string(line) != backupHead {
		if len(line) >= len(backupPrefix) && string(line[:len(backupPrefix)]) == backupPrefix {
			return fmt.Errorf("%w: the stream says %.40q, this program reads %q", ErrFormat, line, backupHead)
		}
		return fmt.Errorf("%w: the stream is not a codepool backup", ErrFormat)
	}
	return f.read(make([]byte, len(backupHead)))
}

func (f *frameReader) frame() (kind byte, payload []byte, err error) {
	var head [9]byte
	if err := f.read(head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if kind = head[0]; kind != frameData && kind != frameEnd || n > frameMax {
		return 0, nil, &CorruptError{What: "backup", Why: fmt.Sprintf("no frame begins at byte %d", f.n-9)}
	}
	payload = make([]byte, n)
	if err := f.read(payload); err != nil {
		return 0, nil, err
	}
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[5:]) {
		return 0, nil, &CorruptError{What: "backup", Why: fmt.Sprintf("the frame before byte %d fails its checksum", f.n)}
	}
	return kind, payload, nil
}

// end checks the manifest against what was read and that nothing follows.
func (f *frameReader) end(payload []byte, m *Manifest, entries, bytes int64, sum string) error {
	if err := json.Unmarshal(payload, m); err != nil {
		return &CorruptError{What: "backup", Why: "manifest: " + err.Error()}
	}
	switch {
	case m.Version != FormatVersion:
		return fmt.Errorf("%w: the backup's manifest is of version %d, this program reads %d", ErrFormat, m.Version, FormatVersion)
	case m.Entries != entries:
		return &CorruptError{What: "backup", Why: fmt.Sprintf("it holds %d entries, its manifest says %d", entries, m.Entries)}
	case m.Bytes != bytes || m.Checksum != sum:
		return &CorruptError{What: "backup", Why: "its checksum does not match"}
	}
	if _, err := f.r.ReadByte(); !errors.Is(err, io.EOF) {
		return &CorruptError{What: "backup", Why: "something follows its end"}
	}
	return nil
}
