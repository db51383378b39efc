package media

import (
	"encoding/gob"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"codepool/proof/harness"
	"codepool/store"
)

// Outcomes of a damage. The last three are failures.
const (
	refused  = "refused"  // by Open or Restore, with a typed error
	reported = "reported" // by a reader it concerns, or by Verify; no answer is wrong
	harmless = "harmless" // everything is as it was
	wrongly  = "WRONG"
	untyped  = "untyped"
	itDied   = "died"
)

var outcomes = []string{refused, reported, harmless, wrongly, untyped, itDied}

// Case is one damage to judge.
type Case struct {
	Folder, Scratch string // where the bases are, and where there is room to work
	Seed            uint64
	Round           int
	Target          Target
}

// Verdict is what came of it.
type Verdict struct {
	Outcome string
	Reports []string // what was said of the damage
	Wrong   []string // answers that were wrong without a word
	Err     string   // any other fault
}

func (v *Verdict) fail(outcome, format string, args ...any) {
	v.Outcome, v.Err = outcome, fmt.Sprintf(format, args...)
}

// judge works in a child.
type judge struct {
	bases map[string]*base
	r     *rand.Rand
	base  *base
	dir   string  // the damaged store
	name  string  // the damaged file in it
	sp    spoiled // the damaged pair in it
	bytes []byte  // the damaged stream
}

func (j *judge) load(c *Case, name string) (*base, error) {
	if b := j.bases[name]; b != nil {
		return b, nil
	}
	f, err := os.Open(c.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := new(base)
	if err := gob.NewDecoder(f).Decode(b); err != nil {
		return nil, err
	}
	if j.bases == nil {
		j.bases = map[string]*base{}
	}
	j.bases[name] = b
	return b, nil
}

// pick draws a base that has what the case damages.
func (j *judge) pick(c *Case) error {
	order := j.r.Perm(len(baseNames))
	for _, old := range []bool{true, false} { // where no base has an old pair of the kind, one is forgotten
		for _, i := range order {
			b, err := j.load(c, baseNames[i])
			if err != nil {
				return err
			}
			if b.has(c.Target, old) {
				j.base = b
				return nil
			}
		}
	}
	return fmt.Errorf("no base has a %s", c.Target.Kind)
}

// has reports whether a base has what the target damages, and with old also what it may
// be replaced with.
func (b *base) has(t Target, old bool) bool {
	switch {
	case t.What == ofPair && t.Damage == pairBefore && old:
		return slices.Contains(b.Olds, t.Kind)
	case t.What == ofPair && t.Kind != anyKind:
		return slices.Contains(b.Kinds, t.Kind)
	case t.What == ofFile:
		return len(b.Whole.ofKind(t.Kind)) > 0
	}
	return true
}

// Damage prepares a damaged store, or stream, and says what it did.
func (j *judge) Damage(c Case, what *string) error {
	j.r = harness.Rand(c.Seed, c.Round)
	if err := j.pick(&c); err != nil {
		return err
	}
	other, err := j.load(&c, baseNames[j.r.IntN(len(baseNames))])
	if err != nil {
		return err
	}
	j.dir = filepath.Join(c.Scratch, "damaged")
	if err := os.RemoveAll(j.dir); err != nil {
		return err
	}
	said := ""
	switch c.Target.What {
	case ofFile:
		var t tree
		t, j.name, said = damageFile(j.r, c.Target.Kind, c.Target.Damage, j.base.Whole, j.base.Before, other.Whole)
		err = t.write(j.dir)
	case ofPair:
		if err = j.base.Whole.write(j.dir); err == nil {
			j.sp, err = damagePairs(j.r, c.Target.Kind, c.Target.Damage, j.dir, j.base.Pairs)
		}
		said = j.sp.what
	case ofBackup:
		j.bytes, said, err = damageBackup(j.r, c.Target.Damage, j.base.Backup, other.Backup)
	case ofExport:
		j.bytes, said = damageBytes(j.r, c.Target.Damage, j.base.Export, -1)
	}
	*what = j.base.Name + " store: " + said
	return err
}

// Judge judges what Damage prepared.
func (j *judge) Judge(c Case, v *Verdict) error {
	switch c.Target.What {
	case ofBackup:
		j.judgeBackup(c, v)
	case ofExport:
		j.judgeExport(v)
	default:
		j.judgeDir(c, v)
	}
	return nil
}

func typedError(err error) bool {
	var ce *store.CorruptError
	return errors.Is(err, store.ErrFormat) || errors.Is(err, store.ErrCorrupt) && errors.As(err, &ce) && ce.What != "" && ce.Why != ""
}

// judgeDir opens a damaged directory and judges what it says.
func (j *judge) judgeDir(c Case, v *Verdict) {
	o, closeErr, err := observeDir(j.dir, &j.base.Ask)
	if err != nil {
		v.Outcome, v.Reports = refused, []string{err.Error()}
		if !typedError(err) {
			v.fail(untyped, "refused with %v, want ErrCorrupt or ErrFormat", err)
		} else if c.Target.What == ofFile && !(c.Target.Kind == kindLog && c.Target.Damage == damOther) {
			j.repaired(v) // but for another store's log, which the engine has taken in
		}
		return
	}
	v.judge(o, &j.base.Said)
	if c.Target.What == ofPair && j.sp.found && len(o.Problems) == 0 && o.VerifyErr.ok() {
		v.fail(wrongly, "Verify finds nothing; others say %.300q", v.Reports)
	}
	if closeErr != nil && v.Outcome == harmless {
		v.fail(untyped, "nothing was found, and close says %v", closeErr)
	}
	if v.Outcome == harmless {
		j.stays(v)
	}
}

// judge compares what a damaged store said with what it says whole. That Verify reports
// the damage does not make up for a wrong answer.
func (v *Verdict) judge(o, whole *observation) {
	reports, wrong := o.differs(whole)
	v.Reports = append(reports, o.Problems...)
	switch {
	case len(wrong) > 0:
		v.Outcome, v.Wrong = wrongly, wrong[:min(len(wrong), 5)]
		if len(o.Problems) > 0 {
			v.Wrong = append(v.Wrong, fmt.Sprintf("(Verify reports %.300q)", o.Problems))
		} else {
			v.Wrong = append(v.Wrong, "(Verify finds nothing)")
		}
	case len(v.Reports) > 0:
		v.Outcome = reported
	default:
		v.Outcome = harmless
	}
}

// stays opens a store again whose damage did not matter: it still must not.
func (j *judge) stays(v *Verdict) {
	s, err := store.Open(j.dir, weak())
	if err != nil {
		v.fail(untyped, "everything was as it was, and then it does not open again: %v", err)
		return
	}
	defer s.Close()
	if n := len(verify(s)); n > 0 {
		v.fail(wrongly, "everything was as it was, and after it was opened again Verify says %q", verify(s))
	}
}

// repaired undoes the damage to a directory that Open refused: nothing that was stored is
// lost by the attempt.
func (j *judge) repaired(v *Verdict) {
	b, there := j.base.Whole[j.name]
	path := filepath.Join(j.dir, filepath.FromSlash(j.name))
	err := os.RemoveAll(path)
	if there && err == nil {
		err = b.write(path)
	}
	if err != nil {
		v.fail(untyped, "repair: %v", err)
		return
	}
	o, _, err := observeDir(j.dir, &j.base.Ask)
	if err != nil {
		v.fail(wrongly, "refused (%s), then the file was put right, and it is refused: %v", v.Reports[0], err)
		return
	}
	if reports, wrong := o.differs(&j.base.Said); len(reports)+len(wrong)+len(o.Problems) > 0 {
		v.fail(wrongly, "refused (%s), then the file was put right, and it says %.500q", v.Reports[0], append(append(reports, wrong...), o.Problems...))
	}
}
