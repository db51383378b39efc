// Package linear proves that the store is linearizable: whatever calls overlap, are given
// up, or meet a Close or a crash, each code looks as if every call had taken effect at one
// moment between its beginning and its end.
//
// A round runs a few clients that contend for a few codes with every verb, and notes when
// each call began, when it ended and what it answered. Then
//
//	settle     what became of each call: certain, maybe, or without effect (settle.go)
//	direct     what needs no search: the ledger holds what was answered, its numbers agree
//	           with real time, draws are whole (ledger.go, draws.go), leases have one end and
//	           users no more than their limit at each of its numbers (leases.go)
//	search     for an order in which a code by itself would have given these answers
//	           (model.go), and one for each key that is not bound to one code (keymodel.go);
//	           the search is porcupine's [Athalye, "Porcupine", 2017; Lowe, "Testing for
//	           linearizability", 2017]
//
// # Calls of which nobody knows
//
// A call whose caller gave up, or that was under way when the crash came, may have
// happened or not. It has no end in the history, and may take effect until the store is
// reopened; what did not happen by then never will. The model lets such a call go where
// it changes something, or behind the end of the history, where it changes nothing: other
// places would only make the search longer. What can be known is looked up first, so that
// few such calls are left: a redemption is in the ledger or did not happen, a number above
// the last one that the crash left is lost with its answer, and a draw with a key is asked
// for again at the end. Leases, reservations and takes are looked up in the ledger by
// references, users and keys that are theirs alone.
//
// # Shares
//
// Some histories have a shared batch of a few shares, too, claimed by few users in all ways
// there are, taken back and ended (shares.go). It is searched as if it were a code.
//
// # What ends by itself
//
// A lease that is over, and a code that has rested, go back without a call. The ledger says
// so; in the history that is a call of nobody, from the beginning of the lease to the end of
// the history, whose number tells where it belongs.
//
// # Restarts
//
// A Close beside working clients, or a crash: a client copies the data directory while
// the others work, and all go on with the copy. What was answered before the copying began
// must hold in it.
//
// # Not looked at
//
// A draw shows its codes one shard after the other, so calls on two codes of one draw may
// see one of them drawn and the other not yet; the search is by code and allows it. When
// what is over goes back is not looked at, only that it is not before: who comes at that
// moment may meet it either way.
package linear
