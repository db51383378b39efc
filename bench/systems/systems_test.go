package systems

import "testing"

func TestSelect(t *testing.T) {
	got, _, err := Select([]string{"badger-batch", "codepool"})
	if err != nil || len(got) != 2 || got[0].Name != "codepool" || got[1].Name != "badger-batch" {
		t.Errorf("%v, %v", got, err)
	}
	if all, missing, err := Select(nil); err != nil || len(all)+len(missing) != len(All()) {
		t.Errorf("%d of %d, %v, %v", len(all), len(All()), missing, err)
	}
	if _, _, err := Select([]string{"memcached"}); err == nil {
		t.Error("a system that there is not was selected")
	}
}

func TestAll(t *testing.T) {
	seen := map[string]bool{}
	for i, k := range All() {
		switch {
		case seen[k.Name]:
			t.Errorf("%s is listed twice", k.Name)
		case k.Open == nil || k.Type == nil || k.About == "":
			t.Errorf("%s is not complete", k.Name)
		case i == 0 && k.Name != "codepool":
			t.Errorf("the first is %s", k.Name)
		}
		seen[k.Name] = true
	}
}
