package store

import "testing"

// A request that saw one key of its hash must notice another that came when a flush of
// the index had taken the first out of memory: there is one again, as before.
func TestKeyClaimAfterFlush(t *testing.T) {
	const hash = 1 << 60
	table := new(keyTable)
	var seen keyView
	claimed := func() bool {
		ok := table.claim(&seen)
		if ok {
			table.unlock(&seen)
		}
		return ok
	}
	table.note(hash, 1)
	table.turn()
	table.view(hash, &seen, nil)
	table.turn()
	if !claimed() {
		t.Error("a key is not given to the one request that wants it")
	}
	table.view(hash, &seen, nil)
	table.note(hash, 2)
	if claimed() {
		t.Error("a key is given to a request that did not see its record")
	}
	table.view(hash, &seen, nil)
	table.turn()
	table.turn()
	if claimed() {
		t.Error("a key is given by what was seen two flushes ago")
	}

	table.note(hash, 3)
	table.turn()
	table.view(hash, &seen, nil) // sees record 3 alone
	table.turn()                 // which goes
	table.note(hash, 4)          // and another comes
	if claimed() {
		t.Error("a key is given although its record came in the place of another one's")
	}
}
