package journal

import (
	"bytes"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/y"
)

// tables makes infos of tables; each is level, least key, greatest key, size.
func tableInfos(all ...[4]any) (out []badger.TableInfo) {
	for _, t := range all {
		out = append(out, badger.TableInfo{
			Level: t[0].(int), OnDiskSize: uint32(t[3].(int)),
			Left: y.KeyWithTs([]byte(t[1].(string)), 9), Right: y.KeyWithTs([]byte(t[2].(string)), 5),
		})
	}
	return out
}

// What a merge rewrites is a chain of new tables, from the oldest on, and the old ones
// below it.
func TestNextMerge(t *testing.T) {
	type infos = []badger.TableInfo
	for _, c := range []struct {
		name string
		in   infos
		want int64
	}{
		{"no table", nil, 0},
		{"old ones", tableInfos([4]any{6, "a", "b", 1}), 0},
		{"too few", tableInfos([4]any{0, "a", "z", 1}, [4]any{0, "a", "z", 1}, [4]any{0, "a", "z", 1}, [4]any{6, "a", "b", 1}), 0},
		{"none below", tableInfos([4]any{0, "a", "c", 1}, [4]any{0, "b", "d", 2}, [4]any{0, "b", "b", 4}, [4]any{0, "d", "e", 8}), 15},
		{"a gap ends the chain", tableInfos([4]any{0, "a", "c", 1}, [4]any{0, "d", "e", 2}, [4]any{0, "a", "f", 4}, [4]any{0, "a", "f", 8}, [4]any{6, "d", "f", 16}), 1},
		{"below one's gap", tableInfos([4]any{0, "a", "b", 1}, [4]any{0, "b", "k", 2}, [4]any{0, "m", "n", 4}, [4]any{0, "a", "z", 8},
			[4]any{6, "A", "Z", 16}, [4]any{6, "c", "d", 32}, [4]any{6, "k", "l", 64}, [4]any{6, "l", "z", 128}), 1 + 2 + 32 + 64},
		{"worth it", tableInfos([4]any{0, "a", "z", 1}, [4]any{0, "a", "z", 1}, [4]any{0, "a", "z", 1}, [4]any{0, "a", "z", 1}, [4]any{6, "c", "d", 4 * mergeWorth}), 4 + 4*mergeWorth},
		{"not worth it", tableInfos([4]any{0, "a", "z", 1}, [4]any{0, "a", "z", 1}, [4]any{0, "a", "z", 1}, [4]any{0, "a", "z", 1}, [4]any{6, "c", "d", 4*mergeWorth + 1}), 0},
		{"worth it by those behind the chain", tableInfos([4]any{0, "a", "z", 1}, [4]any{0, "A", "B", 1}, [4]any{0, "A", "B", 1}, [4]any{0, "A", "B", 1}, [4]any{6, "c", "d", 4 * mergeWorth}), 1 + 4*mergeWorth},
	} {
		if got := nextMerge(c.in); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// newTables makes an engine with one new table for each list of keys.
func newTables(t *testing.T, room *Headroom, lists ...[]string) *badgerEngine {
	t.Helper()
	dir := t.TempDir()
	for i := 0; ; i++ {
		e, err := Open(dir, plain())
		if err != nil {
			t.Fatal(err)
		}
		if i == len(lists) {
			eng := e.(*badgerEngine)
			t.Cleanup(func() {
				if err := eng.Close(); err != nil {
					t.Error(err)
				}
			})
			eng.merger.room = room
			return eng
		}
		var pairs []Pair
		for _, k := range lists[i] {
			pairs = append(pairs, Pair{[]byte(k), bytes.Repeat([]byte{byte(i)}, 1000)})
		}
		if err := e.Write(pairs); err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil { // which makes a table
			t.Fatal(err)
		}
	}
}

func (b *badgerEngine) newest() (n int) { return b.db.Levels()[0].NumTables }

func holding(t *testing.T, e Engine) map[string]byte {
	t.Helper()
	got := map[string]byte{}
	if err := e.View(func(r Reader) error {
		return r.Scan(nil, nil, func(k, v []byte) error { got[string(k)] = v[0]; return nil })
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func roomHere(t *testing.T) *Headroom {
	h := NewHeadroom(t.TempDir(), plain())
	h.Serve()
	return h
}

// Flatten would merge all new tables, one chain after another; a merge is one of them, and
// reads as much as nextMerge has said.
func TestOneMerge(t *testing.T) {
	e := newTables(t, roomHere(t), []string{"a", "c"}, []string{"b", "d"}, []string{"c"}, []string{"x"}, []string{"y"}, []string{"x"})
	want := map[string]byte{"a": 0, "b": 1, "c": 2, "d": 1, "x": 5, "y": 4}
	was := e.db.Tables()
	reads := nextMerge(was)
	if n := e.newest(); n != 6 {
		t.Fatalf("%d new tables", n)
	}
	if !e.merger.once() {
		t.Fatal("no merge")
	}
	if n := e.newest(); n != 3 {
		t.Errorf("%d new tables after one merge, want 3", n)
	}
	left := e.db.Tables()
	gone := slices.DeleteFunc(was, func(t badger.TableInfo) bool {
		return slices.ContainsFunc(left, func(l badger.TableInfo) bool { return l.ID == t.ID })
	})
	for _, g := range gone {
		reads -= int64(g.OnDiskSize)
	}
	if reads != 0 {
		t.Errorf("the merge read %d bytes less than foreseen", reads)
	}
	if got := holding(t, e); !maps.Equal(got, want) {
		t.Errorf("after the merge: %v, want %v", got, want)
	}
	if e.merger.once() {
		t.Error("a merge of 3 new tables")
	}
	if e.merger.room.lent != 0 {
		t.Errorf("%d bytes are still lent", e.merger.room.lent)
	}
}

// Without room there is no merge, and none once the engine is about to be closed.
func TestMergeNeedsRoom(t *testing.T) {
	h := roomHere(t)
	e := newTables(t, h, []string{"a"}, []string{"a"}, []string{"a"}, []string{"a"})
	h.reserve = 1 << 60
	if e.merger.once() || e.newest() != 4 {
		t.Error("a merge without room")
	}
	h.reserve = 0
	if err := h.End(); err != nil {
		t.Error(err)
	}
	if e.merger.once() || e.newest() != 4 {
		t.Error("a merge after the end")
	}
	h.Serve()
	if !e.merger.once() || e.newest() != 0 {
		t.Error("no merge where there is room")
	}
}

// While much is written a merge waits, but not where new tables are many or room is little.
func TestMergeWaitsForRest(t *testing.T) {
	h := roomHere(t)
	lists := slices.Repeat([][]string{{"a"}}, mergeAtOnce)
	e := newTables(t, h, lists[:mergeFrom]...)
	now := time.Now()
	wait := func(after time.Duration) time.Duration { return e.merger.waits(now.Add(after)) }
	e.merger.written.Store(now.UnixNano())
	if got := wait(mergeRest - 1); got != 1 {
		t.Errorf("a nanosecond before the rest is over it waits for %v", got)
	}
	if got := wait(mergeRest); got > 0 {
		t.Errorf("it waits for another %v after the rest", got)
	}
	free, _ := h.Figures()
	spare := mergeSpare * nextMerge(e.db.Tables()) * mergeAtOnce / mergeFrom
	h.reserve = free - spare // half of what it wants
	if got := wait(0); got > 0 {
		t.Errorf("it waits for %v with %d bytes to spare", got, spare)
	}
	h.reserve = 0
	for n, waits := range map[int]bool{mergeAtOnce - 1: true, mergeAtOnce: false} {
		e := newTables(t, h, lists[:n]...)
		e.merger.written.Store(now.UnixNano())
		if got := e.merger.waits(now) > 0; got != waits {
			t.Errorf("with %d new tables it waits: %v", e.newest(), got)
		}
	}
}

// The merger looks when it is started, and when something was written; and again when the
// writers rest.
func TestMergesByThemselves(t *testing.T) {
	e := newTables(t, nil, []string{"a"}, []string{"a"}, []string{"a"}, []string{"a"})
	h := roomHere(t)
	e.merger.rest = time.Millisecond
	e.Tidy(h)
	for e.newest() > 0 {
		runtime.Gosched()
	}
	value := bytes.Repeat([]byte{1}, 64<<10)
	for i := 0; e.db.Levels()[6].NumTables < 3; i++ { // ends when a further merge was done
		var pairs []Pair
		for n := range 16 {
			pairs = append(pairs, Pair{fmt.Appendf(nil, "b%08d", i*16+n), value})
		}
		if err := e.Write(pairs); err != nil {
			t.Fatal(err)
		}
	}
}
