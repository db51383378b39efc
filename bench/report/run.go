package report

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"time"
	"unicode"

	"codepool/bench/peer"
	"codepool/bench/workload"
)

// Run is what was measured, where and of what.
type Run struct {
	Header Header
	Lines  []workload.Line
}

// Header says where and of what the figures are.
type Header struct {
	Job        string            `json:"job"` // always "header"
	Date       time.Time         `json:"date"`
	Commit     string            `json:"commit,omitempty"`
	Go         string            `json:"go"`
	OS         string            `json:"os"`
	Arch       string            `json:"arch"`
	CPU        string            `json:"cpu"`
	Cores      int               `json:"cores"` // that Go uses
	Kernel     string            `json:"kernel,omitempty"`
	FileSystem string            `json:"file_system,omitempty"`
	Volatile   bool              `json:"volatile,omitempty"` // the file system is in memory: nothing was durable
	Rounds     int               `json:"rounds"`
	Budget     float64           `json:"budget_seconds"`
	Modules    map[string]string `json:"modules,omitempty"`
	Servers    map[string]string `json:"servers,omitempty"` // versions of the servers measured, by name
	Systems    []System          `json:"systems,omitempty"` // that were to be measured, codepool first
}

// System is how a system of the lines is presented.
type System struct {
	Name       string `json:"name"`
	Durability string `json:"durability"` // the text of a peer.Durability
	About      string `json:"about,omitempty"`
	// Reference is a bound that is no store of codes: it is no peer in a target.
	Reference bool `json:"reference,omitempty"`
}

// own is the system that the others are compared with.
const own = "codepool"

// String is the header for people, on two lines.
func (h Header) String() string {
	return fmt.Sprintf("%s  commit %s  %s %s/%s\n%s", h.Date.Format(time.RFC3339), orUnknown(h.Commit),
		h.Go, h.OS, h.Arch, h.machine())
}

// machine is processor, kernel and file system on one line.
func (h Header) machine() string {
	fs := h.FileSystem
	if h.Volatile {
		fs += " (in memory: nothing here is durable)"
	}
	var parts []string
	for _, s := range []string{fmt.Sprintf("%d × %s", h.Cores, h.CPU), h.Kernel, fs} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// references are the bounds that jobs measure beside the systems.
func references() []System {
	return []System{
		{Name: "fdatasync", Durability: peer.Synced.String(), About: "append and sync of a file, nothing else", Reference: true},
		{Name: "disk", Durability: peer.Synced.String(), About: "the same bytes appended and synced, with no store", Reference: true},
		{Name: "scheduler", Durability: peer.Volatile.String(), About: "callers parked and woken, with no store", Reference: true},
		{Name: "bloom", Durability: peer.Volatile.String(), About: "a bare Bloom filter", Reference: true},
	}
}

// system returns how the named system is presented; the durability of one that nobody
// described is "unknown".
func (r Run) system(name string) System {
	s := System{Name: name, Durability: "unknown"}
	for _, known := range r.Header.Systems {
		if known.Name == name {
			s = known
			break
		}
	}
	for _, ref := range references() {
		switch {
		case ref.Name != name:
		case s.Durability == "unknown":
			return ref
		default:
			s.Reference = true
		}
	}
	return s
}

// durable reports whether what the system answers is on the disk.
func (s System) durable() bool { return s.Durability == peer.Synced.String() }

// cleaned returns a copy whose texts can be shown anywhere and whose figures are numbers.
func (r Run) cleaned() Run {
	h := &r.Header
	for _, s := range []*string{&h.Commit, &h.Go, &h.OS, &h.Arch, &h.CPU, &h.Kernel, &h.FileSystem} {
		*s = printable(*s)
	}
	h.Budget = finite(h.Budget)
	h.Modules, h.Servers = printableMap(h.Modules), printableMap(h.Servers)
	h.Systems = append([]System(nil), h.Systems...)
	for i := range h.Systems {
		s := &h.Systems[i]
		s.Name, s.Durability, s.About = printable(s.Name), printable(s.Durability), printable(s.About)
	}
	r.Lines = append([]workload.Line(nil), r.Lines...)
	for i := range r.Lines {
		l := &r.Lines[i]
		for _, s := range []*string{&l.Job, &l.System, &l.Note, &l.Error} {
			*s = printable(*s)
		}
		for _, f := range []*float64{&l.OpsPerS, &l.MinOpsPerS, &l.MaxOpsPerS, &l.P50us, &l.P99us, &l.P999us, &l.BytesPerCode, &l.Seconds} {
			*f = finite(*f)
		}
		extra := make(map[string]float64, len(l.Extra))
		for name, v := range l.Extra {
			if finite(v) == v {
				extra[printable(name)] = v
			}
		}
		l.Extra = extra
	}
	return r
}

func printableMap(m map[string]string) map[string]string {
	m = maps.Clone(m)
	for k, v := range m {
		delete(m, k)
		m[printable(k)] = printable(v)
	}
	return m
}

// printable puts spaces for what ends a line and U+FFFD for what no document may hold.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r) || r == 0xFFFE || r == 0xFFFF || unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// finite returns v, or 0 for what is no number.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}
