package paylink

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"

	"github.com/boombuler/barcode/qr"
)

const (
	// quiet is how many light modules are around a code: ISO/IEC 18004 asks for 4.
	quiet = 4
	// maxText is the longest text of a code, in bytes: beyond, its modules are too small for
	// most cameras.
	maxText = 512
	maxSize = 2048 // pixels
)

// matrix is a QR code with its quiet zone.
type matrix struct {
	size int
	dark []bool // row by row
}

func (m matrix) at(x, y int) bool { return m.dark[y*m.size+x] }

// encode returns the code of a text with error correction level M: it can be read with 15 % of
// it damaged.
func encode(text string) (matrix, error) {
	if text == "" || len(text) > maxText {
		return matrix{}, invalid("a QR code of %d bytes: it can have 1 to %d", len(text), maxText)
	}
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return matrix{}, invalid("QR code: %w", err)
	}
	n := code.Bounds().Dx()
	m := matrix{size: n + 2*quiet}
	m.dark = make([]bool, m.size*m.size)
	for y := range n {
		for x := range n {
			m.dark[(y+quiet)*m.size+x+quiet] = code.At(x, y) == color.Black
		}
	}
	return m, nil
}

// fits returns ErrInvalid if a code cannot be drawn in a square of so many pixels.
func (m matrix) fits(size int) error {
	if size < m.size || size > maxSize {
		return invalid("a QR code of %d pixels: this one can have %d to %d", size, m.size, maxSize)
	}
	return nil
}

// PNG writes the QR code of a text as a square picture of size pixels. Each module is as many whole
// pixels as fit, the rest is margin. ErrInvalid says that the text is empty or above 512 bytes,
// or that the size is below a pixel a module or above 2048.
func PNG(w io.Writer, text string, size int) error {
	m, err := encode(text)
	if err == nil {
		err = m.fits(size)
	}
	if err != nil {
		return err
	}
	scale := size / m.size
	margin := (size - scale*m.size) / 2
	img := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.Black})
	for y := range m.size {
		top := img.Pix[(margin+y*scale)*size:][:size]
		for x := range scale * m.size {
			if m.at(x/scale, y) {
				top[margin+x] = 1
			}
		}
		for i := 1; i < scale; i++ {
			copy(img.Pix[(margin+y*scale+i)*size:], top)
		}
	}
	return png.Encode(w, img)
}

// SVG writes the QR code of a text as a square drawing that is size pixels wide where nothing
// else is said. The errors are PNG's.
func SVG(w io.Writer, text string, size int) error {
	m, err := encode(text)
	if err == nil {
		err = m.fits(size)
	}
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" shape-rendering="crispEdges">`, size, size, m.size, m.size)
	fmt.Fprintf(b, `<path fill="#fff" d="M0 0h%dv%dH0z"/><path d="`, m.size, m.size)
	for y := range m.size {
		for x := 0; x < m.size; x++ {
			from := x
			for x < m.size && m.at(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(b, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
	}
	fmt.Fprint(b, "\"/></svg>\n")
	return b.Flush()
}

// Terminal writes the QR code of a text as lines of half blocks, two modules a character. It
// draws the light modules, for light letters on a dark ground; inverse draws the
// dark ones, for dark letters on a light ground. The errors are PNG's.
func Terminal(w io.Writer, text string, inverse bool) error {
	m, err := encode(text)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	for y := 0; y < m.size; y += 2 {
		for x := range m.size {
			upper := m.at(x, y) == inverse
			lower := y+1 < m.size && m.at(x, y+1) == inverse
			switch {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}
