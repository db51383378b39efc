package gen

// The tests of package gen_test reach the inside of the package only through this file.

// AppendPartsFrom is Split.AppendParts with a source of randomness that a test knows.
var AppendPartsFrom = Split.appendPartsFrom
