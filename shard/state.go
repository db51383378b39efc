package shard

import "math/bits"

// State is where a code is in its life.
type State uint8

// The states. Their numbers are part of the file format (state pages).
const (
	Void      State = 0 // no code at this position
	Available State = 1 // in stock
	Leased    State = 2 // drawn for a time, not yet acknowledged
	Issued    State = 3 // drawn and bound to a reference
	Redeemed  State = 4 // burned
	Revoked   State = 5 // withdrawn
	Pending   State = 6 // minted, not yet durable: the code does not exist yet
	Drawing   State = 7 // chosen by a draw that is not yet in the journal: still in stock
	Held      State = 8 // reserved for one user for a time

	// NumStates is the size of an array indexed by State.
	NumStates = 9
)

var stateNames = [NumStates]string{"void", "available", "leased", "issued", "redeemed", "revoked", "pending", "drawing", "reserved"}

// String returns the state's name in lower case.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "invalid"
}

// Sixteen states share a word, four bits each.
const (
	lanes     = 16
	laneOnes  = 0x1111_1111_1111_1111
	laneLow3  = 0x7777_7777_7777_7777
	laneHigh  = 0x8888_8888_8888_8888
	blockSize = 256 // positions for which a segment keeps one counter
	blockWord = blockSize / lanes
)

// availableLanes sets the high bit of each lane that holds Available (zero after
// the exclusive or; the carry-free zero test of Warren, Hacker's Delight, 6-1).
func availableLanes(w uint64) uint64 {
	x := w ^ laneOnes*uint64(Available)
	return ^(((x & laneLow3) + laneLow3) | x | laneLow3)
}

// laneMask keeps the lanes from lo up to but not including hi, as high bits.
func laneMask(lo, hi uint) uint64 {
	m := uint64(laneHigh) << (lo * 4)
	if hi < lanes {
		m &= 1<<(hi*4) - 1
	}
	return m
}

// selectLane returns the lane of the r-th set high bit in z, r from 0.
func selectLane(z uint64, r int) uint {
	for ; r > 0; r-- {
		z &= z - 1
	}
	return uint(bits.TrailingZeros64(z)) / 4
}

// stateOf returns the i-th of states that are packed two in a byte, low half first.
func stateOf(states []byte, i uint32) State { return State(states[i/2]>>(i&1*4)) & 15 }

func (s *Shard) stateAt(pos uint32) State {
	return State(s.states.v[pos/lanes]>>(pos%lanes*4)) & 15
}

func (s *Shard) putState(pos uint32, st State) {
	w, sh := &s.states.v[pos/lanes], pos%lanes*4
	*w = *w&^(15<<sh) | uint64(st)<<sh
}

// fillStates sets n positions from pos on.
func (s *Shard) fillStates(pos, n uint32, st State) {
	for n > 0 && pos%lanes != 0 {
		s.putState(pos, st)
		pos, n = pos+1, n-1
	}
	for ; n >= lanes; pos, n = pos+lanes, n-lanes {
		s.states.v[pos/lanes] = laneOnes * uint64(st)
	}
	for ; n > 0; pos, n = pos+1, n-1 {
		s.putState(pos, st)
	}
}
