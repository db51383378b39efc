package store

// beginLease and endLease follow the leases, holds and quarantines in the ledger.
func (v *verifier) beginLease(rec *record) {
	if rec.number > v.leasesUpto {
		return
	}
	v.begun[rec.number] = struct{}{}
	if rec.kind != recLease {
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
	rec.eachDrawn(func(run, ordinal uint32) { delete(v.held, drawnCode{run, ordinal}) })
}

// endHold ends what has one code alone, which record number revokes or whose redemption it
// undoes.
func (v *verifier) endHold(number uint64, c drawnCode) {
	if of, ok := v.held[c]; ok && number <= v.leasesUpto {
		delete(v.begun, of)
		delete(v.held, c)
	}
}

// compareLeases holds the leases in memory against the ledger.
func (v *verifier) compareLeases() {
	for _, n := range v.leases {
		if _, ok := v.begun[n]; !ok && n <= v.leasesUpto {
			v.rep.problem("memory: it has lease %d, by the ledger there is none", n)
		}
		delete(v.begun, n)
	}
	for n := range v.begun {
		if n <= v.leasesFrom {
			v.rep.problem("memory: lease %d is missing", n)
		}
	}
}
