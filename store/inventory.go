package store

import (
	"encoding/json"
	"fmt"

	"codepool/store/internal/journal"
)

// inventory counts the pairs of a whole scan and says whether any is missing: the
// engine may leave out the rest of a damaged table without a word, and a backup must
// not carry that on.
type inventory struct {
	batches, runs, codes, states uint32
	wantCodes                    uint32 // code pages that the run headers ask for
	minted                       int64
	last                         uint64 // last ledger number
	index, wantIndex             int    // postings pages
	checkpoint                   checkpointRecord
	statesSum, addedSum          uint64          // as the checkpoint's States and Added
	leases, shares               uint64          // as the checkpoint's Leases and Shares
	derived                      map[uint32]bool // of each run, whether its codes come of a seed
	liveIndex                    map[uint32]bool
}

// open reads what the counts are compared with.
func (n *inventory) open(r journal.Reader) error {
	n.derived, n.liveIndex = map[uint32]bool{}, map[uint32]bool{}
	if err := n.checkpoint.load(r); err != nil {
		return err
	}
	if err := n.openIndex(r); err != nil {
		return err
	}
	return r.Scan([]byte{keyRun}, nil, func(key, value []byte) error {
		h, err := decodeRunHeader(key, value)
		if err == nil {
			n.derived[h.ID] = h.derived()
			n.runs++
			n.wantCodes += h.codePages()
			n.minted += int64(h.Count)
		}
		return err
	})
}

// openIndex reads which index runs are live.
func (n *inventory) openIndex(r journal.Reader) error {
	value, err := r.Get([]byte{keyManifest})
	if err != nil || value == nil {
		return err
	}
	body, err := unseal([]byte{keyManifest}, value)
	if err != nil {
		return err
	}
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return corrupt([]byte{keyManifest}, err.Error())
	}
	for _, run := range m.Runs {
		n.liveIndex[run.ID] = true
		n.wantIndex += run.pages()
	}
	return nil
}

// add counts one pair, which it checks. It reports whether the pair is of use: pages
// of a mint that did not finish and replaced index pages are not.
func (n *inventory) add(key, value []byte) (keep bool, err error) {
	if _, err := unseal(key, value); err != nil {
		return false, err
	}
	if (key[0] == keyBatch || key[0] == keyRun) && n.checkpoint.covers(key[0], be32(key[1:])) {
		n.addedSum += shareOf(key, sumOf(value))
	}
	switch {
	case key[0] == keyBatch:
		n.batches++
	case key[0] == keyCodes:
		derived, known := n.derived[be32(key[1:])]
		if !known {
			return false, nil
		}
		if !derived { // one that is has pages only if its batch is retired
			n.codes++
		}
	case key[0] == keyStates:
		n.states++
		id, stamp, _, err := decodeStatePage(key, value)
		if err != nil {
			return false, err
		}
		share, err := n.checkpoint.share(id, stamp)
		if err != nil {
			return false, err
		}
		n.statesSum += share
	case key[0] == keyLeases || key[0] == keyShares:
		// A crash may have left pages under that number, more of them than it has now.
		pages := n.checkpoint.LeasePages
		if key[0] == keyShares {
			pages = n.checkpoint.SharePages
		}
		if be64(key[1:]) != n.checkpoint.Number || be32(key[9:]) >= pages {
			return false, nil
		}
		if share := shareOf(key, sumOf(value)); key[0] == keyLeases {
			n.leases += share
		} else {
			n.shares += share
		}
	case key[0] == keyEntry && len(key) == entryKeyLen:
		first, last, err := decodeEntry(key, value, nil)
		if err != nil {
			return false, err
		}
		if first != n.last+1 {
			return false, corrupt(key, "records before it are missing")
		}
		n.last = last
	case key[0] == keyEntry:
		if !n.liveIndex[be32(key[10:])] {
			return false, nil
		}
		if key[9] == partPostings {
			n.index++
		}
	}
	return true, nil
}

// check reports what is missing; durable is a ledger number that must be there.
func (n *inventory) check(durable uint64) error {
	for _, c := range []struct {
		what        string
		found, want uint64
	}{
		{"batches", uint64(n.batches), uint64(n.checkpoint.Batches)},
		{"runs", uint64(n.runs), uint64(n.checkpoint.Runs)},
		{"state pages", uint64(n.states), uint64(n.checkpoint.Pages)},
		{"code pages", uint64(n.codes), uint64(n.wantCodes)},
		{"index pages", uint64(n.index), uint64(n.wantIndex)},
		{"ledger records", n.last, max(durable, n.checkpoint.Upto)},
	} {
		if c.found < c.want {
			return &CorruptError{What: c.what, Why: fmt.Sprintf("%d are readable of at least %d", c.found, c.want)}
		}
	}
	if err := n.checkpoint.checkAdded(n.addedSum); err != nil {
		return err
	}
	if err := n.checkpoint.checkLeases(n.leases); err != nil {
		return err
	}
	if err := n.checkpoint.checkShares(n.shares); err != nil {
		return err
	}
	return n.checkpoint.checkStates(n.statesSum)
}
