//go:build !unix

package host

import "io/fs"

func allocated(info fs.FileInfo) int64 { return info.Size() }
