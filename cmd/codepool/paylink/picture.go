package paylink

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// The sizes in which the code of a link is served, in pixels. The code of the longest URL
// fits into the smallest.
const (
	minPicture     = 128
	defaultPicture = 320
	maxPicture     = 1024
)

// qr serves the code of a link as draw makes it.
func (h *handler) qr(kind string, draw func(io.Writer, string, int) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		size := defaultPicture
		if q := r.URL.Query(); q.Has("size") {
			n, err := strconv.Atoi(q.Get("size"))
			if err != nil || n < minPicture || n > maxPicture {
				return invalid("size %.40q is not %d to %d", q.Get("size"), minPicture, maxPicture)
			}
			size = n
		}
		l, err := h.link(r)
		if err != nil {
			return err
		}
		var picture bytes.Buffer
		if err := draw(&picture, h.address(r, l), size); err != nil {
			return err
		}
		keep := "public, max-age=3600"
		if h.Base == "" { // it depends on who asks
			keep = "private, max-age=3600"
		}
		w.Header().Set("Cache-Control", keep)
		sendBytes(w, http.StatusOK, kind, picture.Bytes())
		return nil
	}
}
