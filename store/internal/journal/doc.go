// Package journal keeps pairs on disk: an ordered map of small keys to values of less than a
// mebibyte, in which what was written is durable when the sync behind it returns. It knows
// Badger, the engine's files and the room on the disk, and nothing of what the pairs mean:
// that is package store's, which locks the data directory and has files of its own in it.
//
//	store ─► Fuse ─► Engine ─► Badger ─► journal/
//	           │       ├─ walSync: syncs Badger's logs, on Linux
//	           │       └─ merger: merges its tables, where Headroom lends the room
//	           └─ blows at the first failed write or sync
//
//	Headroom ─► BALLAST, free space: refuses writes before the disk is full
//
// # Opening and closing
//
// Badger makes good what it finds missing and removes what it does not know, so it gets an
// existing directory only between steps that can be undone:
//
//	PutBack            an opening that was ended in between is undone
//	Check              what is missing or would end the process is refused
//	Headroom.MakeRoom  there is room for what opening writes
//	SetAside           what Badger may remove is kept
//	Open
//	Headroom.Serve     writes are taken
//	                   … the user's recovery; if it refuses: Close and PutBack
//	DropAside          before the first answer
//	Engine.Tidy        merges begin
//	                   …
//	Headroom.End       room for what closing writes; no merge begins
//	Engine.Close
//
// A new directory needs Open, Headroom.Serve and what follows recovery.
//
// # Reading the source
//
// engine.go is the seam, journal.go Badger behind it; wal_linux.go makes its logs durable,
// merges.go merges its tables, tables.go, check.go and aside.go guard its files while it is
// closed or opens; room.go keeps room on the disk.
package journal
