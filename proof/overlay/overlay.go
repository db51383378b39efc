// Package overlay builds the source with changes that are not in it: planted defects, and
// code at named points. It uses the build flag -overlay of the go command, so the files of
// the source stay as they are and production code has neither hooks nor build tags.
package overlay

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"codepool/proof/harness"
)

// Edit replaces a text of one source file, which must be there exactly once.
type Edit struct {
	File     string // from the root, as store/commit.go
	Old, New string
}

// Overlay is a set of changed and added files.
type Overlay struct {
	root  string
	files map[string]string // path in the source → text
}

// BaseEnv names the list of an overlay on top of which new ones are built: a proof that
// builds its children itself is so made to build them with a planted defect.
const BaseEnv = "CODEPOOL_OVERLAY"

// ListFile is the name of the list that TestBinary leaves in its directory.
const ListFile = "overlay.json"

// list is the form of overlays that the go command reads.
type list struct{ Replace map[string]string }

// New returns an overlay that changes nothing, or what the overlay of BaseEnv does.
func New() (*Overlay, error) {
	root, err := harness.Root()
	if err != nil {
		return nil, err
	}
	o := &Overlay{root: root, files: map[string]string{}}
	base := os.Getenv(BaseEnv)
	if base == "" {
		return o, nil
	}
	body, err := os.ReadFile(base)
	if err != nil {
		return nil, err
	}
	var l list
	if err := json.Unmarshal(body, &l); err != nil {
		return nil, err
	}
	for path, with := range l.Replace {
		file, err := filepath.Rel(root, path)
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(with)
		if err != nil {
			return nil, err
		}
		o.Put(filepath.ToSlash(file), string(text))
	}
	return o, nil
}

// Text returns a file as it is in the overlay.
func (o *Overlay) Text(file string) (string, error) {
	if text, ok := o.files[file]; ok {
		return text, nil
	}
	b, err := os.ReadFile(filepath.Join(o.root, file))
	return string(b), err
}

// Put replaces or adds a file.
func (o *Overlay) Put(file, text string) { o.files[file] = text }

// Edit makes some edits.
func (o *Overlay) Edit(edits ...Edit) error {
	for _, e := range edits {
		text, err := o.Text(e.File)
		if err != nil {
			return err
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return fmt.Errorf("%s holds this %d times, want once; the source has moved on, and the edit must follow it:\n%s", e.File, n, e.Old)
		}
		o.Put(e.File, strings.Replace(text, e.Old, e.New, 1))
	}
	return nil
}

// TestBinary builds the test program of a package, with the overlay, into dir and returns
// its path.
func (o *Overlay) TestBinary(dir, pkg string) (string, error) {
	replace := map[string]string{}
	for file, text := range o.files {
		copied := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(copied, []byte(text), 0o644); err != nil {
			return "", err
		}
		replace[filepath.Join(o.root, file)] = copied
	}
	body, err := json.Marshal(list{replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, ListFile)
	if err := os.WriteFile(path, body, 0o644); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "proof.test")
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-overlay", path, "-o", program, pkg)
	cmd.Dir = o.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return program, nil
}
