package store

// sharePicture is how far the shares of a shared batch are claimed.
type sharePicture struct {
	asOf         uint64 // last record that it holds
	claimed, sum int64
	ended        bool
	left, back   int64 // that went back at the end: shares, and their worth
}

// shareReplay is a shared batch by the ledger: some 40 bytes a claim.
type shareReplay struct {
	def   sharedDef
	now   sharePicture
	parts map[uint32]uint64 // claims that stand, by their places in the split
	users map[uint64]int32  // how many stand, by hash of the user, if there is a limit
}

// pictureOfShares copies how far the shared batches in memory are, each with the number of
// the last record that it can hold.
func (s *Store) pictureOfShares() map[uint64]*sharePicture {
	out := map[uint64]*sharePicture{}
	for _, sh := range s.shares.all(1<<64 - 1) {
		sh.lockAll()
		p := &sharePicture{asOf: s.com.lastRecord(), claimed: sh.count - sh.leftLocked(), sum: sh.sum, left: sh.endLeft, back: sh.endSum}
		p.ended = sh.ended && sh.endLeft > 0
		sh.unlockAll()
		out[sh.number.Load()] = p
	}
	return out
}

// share applies a record of a shared batch, and checks that it is lawful.
func (v *verifier) share(r *record) {
	if v.sharesNow == nil {
		v.sharesNow, v.sharesSeen = map[uint64]*shareReplay{}, map[uint64]*sharePicture{}
	}
	of := r.shared
	if r.kind == recShare {
		of = r.number
		def, err := sharedDefOf(r)
		if err != nil {
			v.rep.problem("ledger: record %d: %v", r.number, err)
			return
		}
		if total := sumOfParts(def.parts); total != def.total {
			v.rep.problem("ledger: record %d splits %d into %d", r.number, def.total, total)
		}
		v.sharesNow[of] = &shareReplay{def: def, parts: map[uint32]uint64{}, users: map[uint64]int32{}}
	}
	x := v.sharesNow[of]
	if x == nil {
		v.rep.problem("ledger: record %d names shared batch %d, which does not exist", r.number, of)
		return
	}
	switch r.kind {
	case recClaim:
		v.rep.Redemptions++
		v.claim(x, r)
	case recUnclaim:
		if x.now.ended || x.now.claimed == 0 || x.def.parts != nil && x.parts[r.ordinal] != r.lease {
			v.rep.problem("ledger: record %d takes back claim %d, which does not stand", r.number, r.lease)
			return
		}
		delete(x.parts, r.ordinal)
		if x.def.perUser != Unlimited {
			x.users[shareUserHash(of, r.ref)]--
		}
		x.now.claimed--
		x.now.sum -= r.amount
	case recShareEnd:
		if x.now.ended || r.shares != x.def.count-x.now.claimed || r.amount != x.def.total-x.now.sum {
			v.rep.problem("ledger: record %d ends shared batch %d with %d shares worth %d left, it has %d worth %d",
				r.number, of, r.shares, r.amount, x.def.count-x.now.claimed, x.def.total-x.now.sum)
		}
		x.now.ended, x.now.left, x.now.back = true, r.shares, r.amount
	}
	x.now.asOf = r.number
	if p := v.shares[of]; p != nil && r.number <= p.asOf {
		seen := x.now
		v.sharesSeen[of] = &seen
	}
}

// claim applies a claim (I1: no share is given twice, no user has too many).
func (v *verifier) claim(x *shareReplay, r *record) {
	_, twice := x.parts[r.ordinal]
	switch d := &x.def; {
	case x.now.ended || x.now.claimed >= d.count:
		v.rep.problem("ledger: record %d claims a share of shared batch %d, which has none", r.number, r.shared)
	case d.parts != nil && (int(r.ordinal) >= len(d.parts) || twice || d.parts[r.ordinal] != r.amount):
		v.rep.problem("ledger: record %d claims share %d worth %d of shared batch %d, which is claimed or does not exist", r.number, r.ordinal, r.amount, r.shared)
	case r.at < d.from || r.at >= d.until:
		v.rep.problem("ledger: record %d claims a share of shared batch %d outside of its time", r.number, r.shared)
	case d.notSender && string(r.user) == d.sender:
		v.rep.problem("ledger: record %d claims a share of shared batch %d for its sender", r.number, r.shared)
	}
	if x.def.parts != nil {
		x.parts[r.ordinal] = r.number
	}
	if x.def.perUser != Unlimited {
		user := shareUserHash(r.shared, r.user)
		if x.users[user]++; int(x.users[user]) > x.def.perUser {
			v.rep.problem("ledger: record %d is claim %d of a user of shared batch %d, the limit is %d", r.number, x.users[user], r.shared, x.def.perUser)
		}
	}
	x.now.claimed++
	x.now.sum += r.amount
}

func sumOfParts(parts []int64) (sum int64) {
	for _, p := range parts {
		sum += p
	}
	return sum
}

// compareShares holds the replay against memory (I7).
func (v *verifier) compareShares() {
	for of, memory := range v.shares {
		if of > v.rep.Upto {
			continue // created after the picture of the ledger
		}
		seen := v.sharesSeen[of]
		if seen == nil {
			v.rep.problem("memory: it has shared batch %d, the ledger has not", of)
			continue
		}
		m, l := *memory, *seen
		m.asOf, l.asOf = 0, 0
		if v.sharesNow[of].def.parts == nil {
			m.sum = l.sum
		}
		if m != l {
			v.rep.problem("memory: shared batch %d is %+v, by the ledger %+v", of, m, l)
		}
	}
	for of, x := range v.sharesNow {
		if v.shares[of] == nil && x.def.free == forever && of <= v.sharesUpto {
			v.rep.problem("memory: shared batch %d, which the ledger has, is missing", of)
		}
	}
}

// checkTokens holds what the checkpoint says of tokens of no room against the ledger.
func (v *verifier) checkTokens(cp *checkpointRecord) {
	for of, x := range v.sharesNow {
		if x.def.room == "" && of <= cp.Upto && !cp.Tokens {
			v.rep.problem("checkpoint: it says that there was no token of no room, and shared batch %d has one", of)
			return
		}
	}
}
