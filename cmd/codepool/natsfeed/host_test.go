package natsfeed_test

import (
	"encoding/json"

	"codepool/cmd/codepool/internal/natstest"
	"codepool/store"

	"github.com/nats-io/nats.go/jetstream"
)

// startServer starts the server that the example connects to.
func startServer(dir string) (url string, stop func(), err error) {
	s, err := natstest.New(dir + "/nats")
	if err != nil {
		return "", nil, err
	}
	return s.URL, func() { _ = s.Stop() }, nil
}

// grant is what a consumer does with a receipt.
func grant(m jetstream.Msg) string {
	var r store.Receipt
	if err := json.Unmarshal(m.Data(), &r); err != nil {
		return err.Error()
	}
	if err := m.Ack(); err != nil {
		return err.Error()
	}
	return r.Reward + " for " + r.User
}
