// Package natsfeed publishes the receipts of a store into a stream of NATS JetStream: who
// grants rewards reads them from there. codepool feed is this package as a command; a server
// that holds the store runs it inside, beside its redemptions:
//
//	nc, err := natsfeed.Dial("nats://127.0.0.1:4222", "")
//	err = natsfeed.Run(ctx, s, nc, natsfeed.Config{Stream: "CODEPOOL", Subject: "codepool.receipts", Create: true, Follow: true})
//
// # What the stream holds
//
// Each receipt is one message on one subject: its body is the object that codepool receipts
// --json prints, under the same rule: a code that is in stock again, or revoked, is masked.
// Its header Nats-Msg-Id is SUBJECT/NUMBER/MICROSECONDS, of the receipt's number and time.
//
// # Promises
//
//	F1  Nothing is missed: the cursor moves only behind what the server acknowledged as
//	    stored. A crash, of either side, begins again behind it.
//	F2  In order, without gaps, each once: so the messages stand in the stream, whatever
//	    crashes and however late it is repeated.
//	F3  Nobody else's receipts are taken for ours, nor ours for somebody else's: not those of
//	    another store, nor those of the same one before it was restored from a backup.
//
// # How
//
// A part of up to 1000 receipts is published without waiting in between; then all answers are
// awaited and the cursor is moved. That alone keeps no order: where the server loses one
// message, in a change of leader say, it stores those behind it. So the messages are a chain:
// each says what must be before it, and the server refuses it if something else is.
//
//	first of a chain   Nats-Expected-Last-Subject-Sequence: the last of our subject
//	all others         Nats-Expected-Last-Msg-Id: the receipt before
//
// When the chain breaks, or the connection does, the bridge looks at the last message of its
// subject, which says up to which number the stream has all (F2), and goes on behind that.
// It looks when it begins, too, so what was published and never acknowledged is not
// published again, however long ago that was: JetStream's own window of duplicates, minutes
// mostly, is a second line only. Two bridges that run at once for a store do no harm either.
//
// The stream knows better than the cursor. A server that lost what it had acknowledged (by
// default it does not sync what it stores before it answers: set sync_interval: always, or
// have replicas) ends below the cursor, and gets the rest again. Where messages go when they are consumed
// (work queues) its end says little and the cursor counts, if it is beyond.
//
// The last message must be that of a receipt of this ledger, by number and time (F3): the
// identity of a store is its ledger. A subject is of one store; several can share a stream.
//
// # Rejected
//
// Waiting for each answer keeps order and costs a round trip a receipt. A chain by the
// sequence of the message before (Nats-Expected-Last-Sequence) breaks and mends itself with
// a gap, as sequences are guessed ahead: a message of somebody else can have that of the
// missing one. Batches that are stored whole or not at all need a server of 2.12 and a stream that
// is set up for them; the chain works on any. It costs a fifth of the speed of publishing
// without order: 46 against 58 thousand receipts a second on two cores that have the server too.
//
// # Limits
//
// Others may write to other subjects of the stream, but each of their messages that comes
// between breaks the chain, and the rest of the part is published again: beside one that writes
// 4400 a second, 2500 receipts a second are left. Give the feed a stream of its own.
//
// A stream that drops messages by age or number can drop all of ours. Then only the cursor
// and the window of duplicates are left, and up to one part may come twice.
package natsfeed
