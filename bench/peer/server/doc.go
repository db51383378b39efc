// Package server has the servers that people would otherwise run for codes: Redis and
// PostgreSQL, each behind the peer interfaces in its best durable form.
//
// Open starts a server of its own in the directory it is given, reachable only through a
// unix socket in a directory that nobody else may enter, with no configuration of the
// machine. It returns when the server answers, so that it includes loading and recovery.
// Close ends the server in order and waits for it; on Linux the server is also
// ended when this process is killed.
//
// A machine without the programs gets ErrNotInstalled. With the race detector the package
// is empty: its clients would take minutes to compile for it.
package server
