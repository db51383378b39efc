package badinput

import (
	"slices"
	"testing"

	"codepool/proof/harness"
)

// leastCases is how many mistakes the table has at least, without the known ones.
const leastCases = 500

// areas is the table, by what is given wrongly.
var areas = []struct {
	name string
	api  []apiCase
	cli  []cliCase
	gone bool // the store was closed before
	held bool // somebody has the store open
	late bool // batches have been changed and codes revoked
	lent bool // codes are leased, reserved, taken, exported, limited and reused
	// there are shared batches
	shared bool
}{
	{name: "canonical text", api: canonicalCases},
	{name: "formats", api: formatCases},
	{name: "generator", api: generatorCases},
	{name: "packed codes", api: packCases},
	{name: "signed codes", api: signedCases},
	{name: "pool", api: poolCases},
	{name: "options", api: optionCases},
	{name: "directories", api: directoryCases},
	{name: "codes", api: codeCases},
	{name: "labels of redemptions", api: labelCases},
	{name: "states and keys", api: stateCases},
	{name: "reversals", api: reversalCases},
	{name: "draws", api: drawCases},
	{name: "changes of batches", api: changeCases, late: true},
	{name: "revocations", api: revocationCases, late: true},
	{name: "references and users", api: referenceCases, late: true},
	{name: "leases", api: leaseCases, lent: true},
	{name: "reservations", api: holdCases, lent: true},
	{name: "codes that are lent", api: lentCases, lent: true},
	{name: "takes", api: takeCases, lent: true},
	{name: "exports", api: exportCases, lent: true},
	{name: "limits and reuse", api: limitCases, lent: true},
	{name: "cursors and listings", api: cursorCases, lent: true},
	{name: "splits", api: splitCases, shared: true},
	{name: "shared batches", api: sharedCases, shared: true},
	{name: "texts of shared batches", api: sharedTexts, shared: true},
	{name: "claims", api: sharesCases, shared: true},
	{name: "texts of claims", api: sharesTexts, shared: true},
	{name: "ends of shared batches", api: shareEndCases, shared: true},
	{name: "mint", api: mintCases},
	{name: "terms", api: termCases},
	{name: "imports", api: importCases},
	{name: "import streams", api: streamCases},
	{name: "backups", api: backupCases},
	{name: "restore", api: restoreCases},
	{name: "altered backups", api: alteredCases},
	{name: "ended contexts", api: contextCases},
	{name: "closed store", api: closedCases, gone: true},
	{name: "command lines", cli: usageCases},
	{name: "flags", cli: flagCases},
	{name: "numbers", cli: numberCases},
	{name: "times and formats", cli: timeCases},
	{name: "no store", cli: noStoreCases},
	{name: "locked store", cli: lockedCases, held: true},
	{name: "other directories", cli: directoryCLICases},
	{name: "configuration", cli: configCases},
	{name: "environment", cli: environmentCases},
	{name: "rules", cli: ruleCases},
	{name: "exports and listings", cli: cliExportCases},
	{name: "feeds", cli: feedCases},
	{name: "streams of redemptions", cli: redeemStreamCases},
	{name: "files of codes", cli: importFileCases},
	{name: "files and pipes", cli: fileCases},
}

// TestBadInput runs the table, what is known to go wrong, and the good neighbours on the
// command line.
func TestBadInput(t *testing.T) {
	countCases(t)
	program := buildProgram(t)
	t.Run("known", func(t *testing.T) { runKnown(t, program) })
	t.Run("neighbours", func(t *testing.T) { runGoodLines(t, program) })
	for _, a := range areas {
		t.Run(a.name, func(t *testing.T) {
			if len(a.api) > 0 {
				w := openWorld(t)
				if a.late {
					w.change(t)
				}
				if a.lent {
					w.lend(t)
				}
				if a.shared {
					w.share(t)
				}
				if a.gone {
					_ = w.s.Close() // a second Close, in a clean-up, reports what this one did
				}
				for _, c := range a.api {
					t.Run(c.name, func(t *testing.T) { report(t, w.tryAPI(t, c)) })
				}
				return
			}
			if harness.RaceOn {
				t.Skip("not under the race detector: the program is a process of its own, without it")
			}
			t.Parallel()
			w := placeWorld(t, program)
			if a.held {
				w.hold(t)
			}
			for _, c := range a.cli {
				t.Run(c.name, func(t *testing.T) { report(t, w.tryCLI(t, c)) })
			}
		})
	}
}

// countCases holds the size of the table and that each case has a name of its own.
func countCases(t *testing.T) {
	t.Helper()
	var names []string
	api, cli := 0, 0
	for _, a := range areas {
		api, cli = api+len(a.api), cli+len(a.cli)
		for _, c := range a.api {
			names = append(names, a.name+": "+c.name)
		}
		for _, c := range a.cli {
			names = append(names, a.name+": "+c.name)
		}
	}
	t.Logf("%d bad inputs: %d of the API, %d of the program; %d more are known", api+cli, api, cli, len(knownAPI)+len(knownCLI))
	if api+cli < leastCases {
		t.Errorf("the table has %d cases, want %d or more", api+cli, leastCases)
	}
	slices.Sort(names)
	for i, name := range names[1:] {
		if name == names[i] {
			t.Errorf("two cases are named %q", name)
		}
	}
}

func report(t *testing.T, problems []string) {
	t.Helper()
	for _, p := range problems {
		t.Error(p)
	}
}

// runKnown runs what is known to go wrong. A case that passes has been mended.
func runKnown(t *testing.T, p *program) {
	still := func(t *testing.T, problems []string) {
		t.Helper()
		if len(problems) == 0 {
			t.Error("this is mended: move the case to its table")
		}
		for _, p := range problems {
			t.Log(p)
		}
	}
	for _, c := range knownAPI {
		t.Run("API "+c.name, func(t *testing.T) { still(t, openWorld(t).tryAPI(t, c)) })
	}
	for _, c := range knownCLI {
		t.Run("program "+c.name, func(t *testing.T) {
			t.Parallel()
			still(t, placeWorld(t, p).tryCLI(t, c))
		})
	}
}
