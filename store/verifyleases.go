package store

// beginLease and endLease follow the leases and holds in the ledger.
func (v *verifier) beginLease(rec *record) {
	if rec.number > v.leasesUpto {
		return
	}
	v.begun[rec.number] = struct{}{}
	if rec.kind == recHold {
		v.held[drawnCode{rec.run, rec.ordinal}] = rec.number
	}
}

func (v *verifier) endLease(rec *record) {
	if rec.number > v.leasesUpto {
		return
	}
	if _, ok := v.begun[rec.lease]; !ok {
		v.rep.problem("ledger: record %d ends lease %d, which has ended or never was", rec.number, rec.lease)
	}
	delete(v.begun, rec.lease)
}

// endHold ends the hold of a code that record number revokes.
func (v *verifier) endHold(number uint64, c drawnCode) {
	if number <= v.leasesUpto {
		delete(v.begun, v.held[c])
	}
}

// compareLeases holds the leases in memory against the ledger.
func (v *verifier) compareLeases() {
	for _, n := range v.leases {
		if _, ok := v.begun[n]; !ok {
			v.rep.problem("memory: it has lease %d, by the ledger there is none", n)
		}
		delete(v.begun, n)
	}
	for n := range v.begun {
		v.rep.problem("memory: lease %d is missing", n)
	}
}
