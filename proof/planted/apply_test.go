package planted

import (
	"testing"

	"codepool/proof/overlay"
)

// TestEditsApply holds that every defect can be planted: each edit finds its text once.
func TestEditsApply(t *testing.T) {
	for _, d := range defects {
		o, err := overlay.New()
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Edit(d.edits...); err != nil {
			t.Errorf("%s: %v", d.name, err)
		}
	}
}
