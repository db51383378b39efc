// Package journal keeps small pairs on disk: an ordered map of keys to values below a
// mebibyte, in which a write is durable when the sync behind it returns. It knows Badger, the
// engine's files and the room on the disk, and nothing of what the pairs mean. Its user
// is package store, which makes a directory with other files in it; the journal's are
//
//	journal/             the engine's files
//	journal-aside/, journal-aside-new/  only while it opens
//	BALLAST              room that is kept while it is open
package journal
