package paylink_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"codepool/cmd/codepool/paylink"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// read decodes a QR code module by module. Where it has to find the code first, as in a
// photograph, the decoder takes one of 200 texts for something else.
func read(t *testing.T, img image.Image) string {
	t.Helper()
	b, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	got, err := qrcode.NewQRCodeReader().Decode(b, map[gozxing.DecodeHintType]any{
		gozxing.DecodeHintType_PURE_BARCODE: true, gozxing.DecodeHintType_CHARACTER_SET: "UTF-8",
	})
	if err != nil {
		t.Fatalf("%v of %v", err, img.Bounds())
	}
	return got.GetText()
}

// canvas is a light picture of n × n squares of some pixels.
type canvas struct {
	*image.Gray
	scale int
}

func newCanvas(n, scale int) canvas {
	img := image.NewGray(image.Rect(0, 0, n*scale, n*scale))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	return canvas{img, scale}
}

// darken fills squares of a row.
func (c canvas) darken(x, y, n int) {
	draw.Draw(c, image.Rect(x*c.scale, y*c.scale, (x+n)*c.scale, (y+1)*c.scale), image.Black, image.Point{}, draw.Src)
}

// drawnSVG is what a drawing shows.
func drawnSVG(t *testing.T, text string, size int) image.Image {
	t.Helper()
	var svg struct {
		XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
		Width   int      `xml:"width,attr"`
		Height  int      `xml:"height,attr"`
		Box     string   `xml:"viewBox,attr"`
		Paths   []struct {
			Fill string `xml:"fill,attr"`
			D    string `xml:"d,attr"`
		} `xml:"path"`
	}
	if err := xml.Unmarshal([]byte(text), &svg); err != nil {
		t.Fatal(err)
	}
	box := strings.Fields(svg.Box)
	if svg.Width != size || svg.Height != size || len(box) != 4 || box[2] != box[3] || len(svg.Paths) != 2 {
		t.Fatalf("drawing of %d × %d, %q, %d paths", svg.Width, svg.Height, svg.Box, len(svg.Paths))
	}
	if ground := svg.Paths[0]; ground.Fill != "#fff" || ground.D != "M0 0h"+box[2]+"v"+box[2]+"H0z" {
		t.Errorf("ground is %+v", ground)
	}
	n, err := strconv.Atoi(box[2])
	if err != nil {
		t.Fatal(err)
	}
	c := newCanvas(n, 4)
	run := regexp.MustCompile(`^M(\d+) (\d+)h(\d+)v1h-(\d+)z`)
	for d := svg.Paths[1].D; d != ""; {
		m := run.FindStringSubmatch(d)
		if m == nil || m[3] != m[4] {
			t.Fatalf("path goes on with %.40q", d)
		}
		x, _ := strconv.Atoi(m[1])
		y, _ := strconv.Atoi(m[2])
		wide, _ := strconv.Atoi(m[3])
		c.darken(x, y, wide)
		d = d[len(m[0]):]
	}
	return c
}

// drawnTerminal is what lines of half blocks show in a terminal whose letters are light, or dark.
func drawnTerminal(t *testing.T, text string, dark bool) image.Image {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	n := 2*len(lines) - 1 // there is an odd number of modules each way
	c := newCanvas(n, 4)
	for i, line := range lines {
		x := 0
		for _, r := range line {
			upper, lower := r == '█' || r == '▀', r == '█' || r == '▄'
			if !upper && !lower && r != ' ' {
				t.Fatalf("line %d has %q", i, r)
			}
			if upper == dark {
				c.darken(x, 2*i, 1)
			}
			if lower == dark {
				c.darken(x, 2*i+1, 1)
			}
			x++
		}
		if x != n {
			t.Fatalf("line %d has %d characters, want %d", i, x, n)
		}
	}
	return c
}

var texts = []string{
	"https://pay.example/p/7KQF2M9XT4WC",
	"http://127.0.0.1:8080/p/tea",
	"https://付款.example/p/茶",
	"0123456789",
	"HTTPS://PAY.EXAMPLE/P/TEA",
	"x",
}

// drawnPNG is the picture of a text.
func drawnPNG(t *testing.T, text string, size int) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := paylink.PNG(&b, text, size); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if got := img.Bounds(); got != image.Rect(0, 0, size, size) {
		t.Errorf("PNG of %d pixels is %v", size, got)
	}
	return img
}

// Codes are read back by a decoder that is not ours, whatever they are drawn with.
func TestQR(t *testing.T) {
	if longest := strings.Repeat("x", 512); read(t, drawnPNG(t, longest, 315)) != longest {
		t.Error("the longest text is read as another")
	}
	for _, text := range texts {
		if got := read(t, drawnPNG(t, text, 201)); got != text {
			t.Errorf("PNG is read as %q, want %q", got, text)
		}
		var b bytes.Buffer
		if err := paylink.SVG(&b, text, 300); err != nil {
			t.Fatal(err)
		}
		if got := read(t, drawnSVG(t, b.String(), 300)); got != text {
			t.Errorf("SVG is read as %q, want %q", got, text)
		}
		for _, inverse := range []bool{false, true} {
			b.Reset()
			if err := paylink.Terminal(&b, text, inverse); err != nil {
				t.Fatal(err)
			}
			if got := read(t, drawnTerminal(t, b.String(), inverse)); got != text {
				t.Errorf("terminal, inverse %v, is read as %q, want %q", inverse, got, text)
			}
		}
	}
}

// Four light modules are around each code.
func TestQRQuietZone(t *testing.T) {
	const modules, scale = 25 + 2*4, 3 // a code of version 2
	img := drawnPNG(t, "http://127.0.0.1/p/tea", modules*scale)
	zone := image.Rect(4*scale, 4*scale, (modules-4)*scale, (modules-4)*scale)
	edge := image.Rectangle{}
	for y := range modules * scale {
		for x := range modules * scale {
			if color.GrayModel.Convert(img.At(x, y)) == (color.Gray{}) {
				edge = edge.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if edge != zone {
		t.Errorf("what is dark is in %v, want %v", edge, zone)
	}
	for _, inverse := range []bool{false, true} {
		var b bytes.Buffer
		if err := paylink.Terminal(&b, "http://127.0.0.1/p/tea", inverse); err != nil {
			t.Fatal(err)
		}
		light := "█"
		if inverse {
			light = " "
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		for i, line := range lines {
			margin := strings.Repeat(light, 4)
			if (i < 2 || i >= len(lines)-2) && i != len(lines)-1 {
				margin = strings.Repeat(light, modules)
			}
			if i == len(lines)-1 && !inverse {
				margin = strings.Repeat("▀", modules) // there is no row below the last one
			}
			if !strings.HasPrefix(line, margin) || !strings.HasSuffix(line, margin) {
				t.Errorf("inverse %v: line %d is %q", inverse, i, line)
			}
		}
	}
}

func TestQRInvalid(t *testing.T) {
	const text = "https://pay.example/p/tea" // 33 modules with the quiet zone
	for _, tt := range []struct {
		text string
		size int
	}{
		{"", 300}, {strings.Repeat("x", 513), 2048}, {text, 32}, {text, 0}, {text, -1}, {text, 2049},
	} {
		for name, draw := range map[string]func(io.Writer, string, int) error{"PNG": paylink.PNG, "SVG": paylink.SVG} {
			var b bytes.Buffer
			if err := draw(&b, tt.text, tt.size); !errors.Is(err, paylink.ErrInvalid) || b.Len() > 0 {
				t.Errorf("%s of %d bytes and %d pixels: %v and %d bytes", name, len(tt.text), tt.size, err, b.Len())
			}
		}
	}
	for _, text := range []string{"", strings.Repeat("x", 513)} {
		var b bytes.Buffer
		if err := paylink.Terminal(&b, text, false); !errors.Is(err, paylink.ErrInvalid) || b.Len() > 0 {
			t.Errorf("terminal of %d bytes: %v and %d bytes", len(text), err, b.Len())
		}
	}
	for _, size := range []int{33, 2048} {
		if err := paylink.PNG(io.Discard, text, size); err != nil {
			t.Errorf("%d pixels: %v", size, err)
		}
	}
}

// A writer that fails is heard of.
func TestQRWriter(t *testing.T) {
	full := errors.New("full")
	w := writerFunc(func([]byte) (int, error) { return 0, full })
	for name, err := range map[string]error{
		"PNG": paylink.PNG(w, "x", 100), "SVG": paylink.SVG(w, "x", 100), "terminal": paylink.Terminal(w, "x", false),
	} {
		if !errors.Is(err, full) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
