package journal

// What the tests that stand above the store use of this package.
const (
	AsideDir     = asideDir
	AsideNew     = asideNew
	ManifestFile = manifestFile
)

var (
	EngineFiles = engineFiles
	LiveTables  = liveTables
	ReplaceFile = replaceFile
)
