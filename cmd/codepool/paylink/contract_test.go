package paylink_test

import (
	"testing"

	"codepool/cmd/codepool/paylink"
	"codepool/cmd/codepool/paylink/paylinktest"
)

// The backend of the other tests is one.
func TestMemoryContract(t *testing.T) {
	paylinktest.Contract(t, func(_ *testing.T, links ...paylink.Link) paylinktest.Opened {
		return paylinktest.Opened{Backend: newMemory(links...)}
	})
}
