package badinput

// knownAPI and knownCLI are wrong inputs that do not get the right answer yet. Each says
// what it should get; TestBadInput/known fails when it does, and then it belongs into its
// table. At present nothing is known to go wrong.
var (
	knownAPI []apiCase
	knownCLI []cliCase
)
