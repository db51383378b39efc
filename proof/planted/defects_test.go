package planted

import "codepool/proof/overlay"

// edit is one edit of one file.
func edit(file, old, new string) []overlay.Edit {
	return []overlay.Edit{{File: file, Old: old, New: new}}
}

// noShrink keeps rapid from looking half a minute for a shorter run with the same failure.
var noShrink = []string{"-rapid.shrinktime=0s"}

// What a store that forgets says of itself is a matter of the moment: verify, the audit of
// any of the lives, lists, leases and packets, or the child that is given a code a second time.
const (
	audited = `(round|cut) \d+ of seed \d+: ` // what an audit found, and no trouble of the proof itself
	noticed = audited + "|killed, child: "
)

// defects are what is planted. Each is the smallest change that breaks one promise.
var defects = []defect{
	{
		name:  "answer before the sync",
		edits: edit("store/commit.go", "	err := c.eng.Sync()\n", "	err := c.eng.Failure()\n"),
		pkg:   "proof/crash", test: "TestPowerCut", n: 60, says: audited + `|but \d+ was durable`,
	},
	{
		name: "negative answer does not wait",
		edits: []overlay.Edit{
			{File: "store/redeem.go", Old: "		return verdict{again: true}, false\n	} else if err != nil {\n		return verdict{err: err, mark: sh.Mark}, false\n", New: "		return verdict{again: true}, false\n	} else if err != nil {\n		return verdict{err: err}, false\n"},
			{File: "store/redeemall.go", Old: "	last = sh.Mark\n	for _, i := range idx {", New: "	for _, i := range idx {"},
		},
		pkg: "proof/crash", test: "TestPowerCut", n: 200, says: audited,
	},
	{
		name:  "draw not journaled",
		edits: edit("store/issue.go", "appendIssue(body, uint32(b.ID), d.Ref, d.Key, codes)", "appendIssue(body, uint32(b.ID), d.Ref, d.Key, codes[:len(codes)-len(codes)/3])"),
		pkg:   "proof/crash", test: "TestKill9", n: 20, says: noticed,
	},
	{
		name:  "retry after a failed sync",
		edits: edit("store/internal/journal/engine.go", "	if err != nil {\n		f.blown.CompareAndSwap(nil, &err)\n	}\n	return err\n", "	return err\n"),
		pkg:   "proof/crash", test: "TestPowerCut", n: 60, says: "was tried after a commit had failed",
	},
	{
		name: "checkpoint before its journal",
		edits: []overlay.Edit{
			{File: "store/checkpoint.go", Old: "	if err := s.com.waitRecord(ctx, upto); err != nil {\n		return err\n	}\n", New: ""},
			{File: "store/checkpoint.go", Old: "		if err := s.com.waitFor(ctx, marks); err != nil { // the page never runs ahead of the journal\n			return err\n		}\n", New: ""},
		},
		pkg: "proof/crash", test: "TestEveryIO", n: 20, says: "by the ledger|before the checkpoint",
	},
	{
		name:  "release of a redeemed code",
		long:  true,
		edits: edit("store/step.go", "			return ErrAlreadyRedeemed\n		case shard.Revoked:\n			return ErrRevoked\n		case shard.Held:\n", "			return nil\n		case shard.Revoked:\n			return ErrRevoked\n		case shard.Held:\n"),
		pkg:   "proof/linear", test: "TestLinearizable", n: 200, says: "round",
	},
	{
		name:  "key conflict ignored",
		edits: edit("store/redeem.go", "		if !same || string(found.user) != r.User {\n", "		if !same && r.Key == \"\" {\n"),
		pkg:   "proof/linear", test: "TestLinearizable", n: 200, says: "round",
	},
	{
		name:  "reserved code redeemed",
		long:  true,
		edits: edit("store/terms.go", "	case shard.Held:\n		return ErrReserved\n	}\n", "	}\n"),
		pkg:   "proof/linear", test: "TestLinearizable", n: 200, says: "round",
	},
	{
		name:  "limit off by one",
		long:  true,
		edits: edit("store/limit.go", "case seen.used >= limit:", "case seen.used > limit:"),
		pkg:   "proof/linear", test: "TestLinearizable", n: 200, says: "round",
	},
	{
		name:  "key not remembered",
		long:  true,
		edits: edit("store/redeem.go", "	if r.Key != \"\" {\n		s.keys.noteLocked(seen, v.number)\n	}\n", ""),
		pkg:   "proof/linear", test: "TestLinearizable", n: 200, says: "round",
	},
	{
		name:  "gate updated without publication",
		edits: edit("store/gate.go", "		s.filter.Store(grown)\n", ""),
		pkg:   "proof/crash", test: "TestKill9", n: 5, says: "unknown code",
	},
	{
		name:  "page state lost",
		edits: edit("store/checkpoint.go", "		if body == nil {\n", "		if body == nil || p.run%2 == 0 {\n"),
		pkg:   "proof/crash", test: "TestKill9", n: 60, says: noticed + "|state page",
	},
	{
		name:  "undo lost by recovery",
		long:  true,
		edits: edit("store/recover.go", "	case recRelease, recUndo, recRevoke:\n		set(", "	case recRelease, recRevoke:\n		set("),
		pkg:   "proof/crash", test: "TestKill9", n: 60, says: "by the ledger",
	},
	{
		name:  "redeemed twice",
		long:  true,
		edits: edit("store/terms.go", "	case shard.Redeemed:\n		return ErrAlreadyRedeemed\n", "	case shard.Redeemed:\n"),
		pkg:   "proof/crash", test: "TestKill9", n: 60, says: "was redeemed twice",
	},
	{
		name:  "hash instead of code",
		edits: edit("shard/table.go", "string(s.wideText(w)) == k.Wide &&", "s.hashAt(p, k.Space) == k.Hash &&"),
		pkg:   "proof/model", test: "TestModel", n: 2000, args: noShrink, says: `failed: (import says \d+ lines|the ledger says of \d+ codes less)`,
	},
	{
		name:  "clock read twice",
		edits: edit("store/redeem.go", "v.number, v.group, err = s.com.append(at, body,", "v.number, v.group, err = s.com.append(s.now(), body,"),
		pkg:   "proof/model", test: "TestModel", n: 2000, args: noShrink, says: `failed: .*(the clock was read|readings of the clock|At:)`,
	},
	{
		name:  "absent key as proof",
		edits: edit("store/recover.go", "	if err := s.checkInventory(&at); err != nil {\n		return err\n	}\n", ""),
		pkg:   "proof/media", test: "TestBitflip", n: 40, args: []string{"-only=pair: state page"}, says: `pair: state page +\d+ +\d+ +\d+ +[1-9]`,
	},
	{
		name:  "state page of an earlier time",
		long:  true,
		edits: edit("store/statepage.go", "	if sum != c.States {\n", "	if false {\n"),
		pkg:   "proof/media", test: "TestBitflip", n: 40, args: []string{"-only=pair: state page"}, says: `pair: state page +\d+ +\d+ +\d+ +[1-9]`,
	},
	{
		name:  "batch changed beside those who decide",
		long:  true,
		edits: edit("store/change.go", "	if !s.eachShard(func(*shard.Shard) {}) {\n		b.now.set(old)\n		return nil, ErrClosed\n	}\n", ""),
		pkg:   "store", test: "TestPauseUnderLoad", args: []string{"-test.count=20"}, says: `record \d+ makes code \d+ of run 1 redeemed|was paused`,
	},
	{
		name:  "refusal by new terms does not wait",
		long:  true,
		edits: edit("store/change.go", "		s.eachShard(func(sh *shard.Shard) { sh.Mark = max(sh.Mark, g.n) })\n", ""),
		pkg:   "store", test: "TestContextBoundsEveryCall", says: "in a paused batch: batch is paused, want",
	},
	{
		name: "lease acknowledged late",
		edits: []overlay.Edit{
			{File: "store/leases.go", Old: "	case at >= l.until:\n		return nil, ErrLeaseOver\n", New: ""},
			{File: "store/lease.go", Old: "	at := s.now()\n	var seen keyView\n", New: "	at := s.opt.Clock().UnixMicro()\n	var seen keyView\n"},
		},
		pkg: "proof/model", test: "TestModel", n: 4000, args: noShrink, says: `failed: .*(clock was read by somebody|lease)`,
	},
	{
		name:  "quarantine ignored",
		edits: edit("store/leases.go", "until: at + b.Quarantine.Microseconds(), b: b", "until: at, b: b"),
		pkg:   "proof/linear", test: "TestLinearizable", n: 200, says: "round",
	},
	{
		name:  "redemption in a paused batch",
		long:  true,
		edits: edit("store/terms.go", "	case flags&flagPaused != 0:\n		return ErrPaused\n", ""),
		pkg:   "proof/linear", test: "TestLinearizable", n: 200, says: "round",
	},
	{
		name:  "release by an older draw",
		long:  true,
		edits: edit("store/query.go", "		if err != nil || other {\n", "		if err != nil {\n"),
		pkg:   "proof/model", test: "TestModel", n: 8000, args: noShrink, says: `failed: `,
	},
	{
		name:  "checkpoint without terms",
		long:  true,
		edits: edit("store/checkpoint.go", "Terms: s.changedTerms(),", "Terms: nil,"),
		pkg:   "proof/model", test: "TestModel", n: 2000, args: noShrink, says: `failed: batch`,
	},
	{
		name:  "states of signed codes lost",
		edits: edit("store/signed.go", "			run.SetStates(p.page*statePage, min(statePage, h.Count-p.page*statePage), states)\n", ""),
		pkg:   "proof/crash", test: "TestKill9", n: 20, says: noticed,
	},
	{
		name:  "share given twice",
		edits: edit("store/sharetable.go", "	part, amount = sh.next, sh.parts[sh.next]\n	sh.setTaken(part, true)\n", "	part, amount = sh.next, sh.parts[sh.next]\n"),
		pkg:   "proof/model", test: "TestModel", n: 4000, args: noShrink, says: `failed: .*(share|claim|ledger|end of s\d)`,
	},
}
