package store

import (
	"bytes"
	"encoding/json"
	"fmt"

	"codepool/store/internal/journal"
)

// Small things that change whole are one pair of the engine, as JSON.

// commitJSON makes v the value of the key that is one byte, and returns when that is durable.
func commitJSON(eng *journal.Fuse, kind byte, v any) error {
	var body bytes.Buffer
	to := json.NewEncoder(&body)
	to.SetEscapeHTML(false) // a name becomes twice as long at most: hundreds fit into a pair
	if err := to.Encode(v); err != nil {
		return err
	}
	key := []byte{kind}
	if err := eng.Commit([]journal.Pair{{Key: key, Value: seal(key, body.Bytes())}}); err != nil {
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return nil
}

// loadJSON reads what commitJSON wrote; v stays as it is if there is none.
func loadJSON(r journal.Reader, kind byte, v any) error {
	key := []byte{kind}
	value, err := r.Get(key)
	if err != nil || value == nil {
		return err
	}
	body, err := unseal(key, value)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return corrupt(key, err.Error())
	}
	return nil
}
