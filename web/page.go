package web

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"sync"
)

// pages are what a reader of one language gets: the same but for which words are
// asked for at once.
type pages struct {
	chat  page // / and /r/{room}
	embed page // /embed/{room}
}

// page is a page as it is without a room in it, and the parts of it around what is
// drawn into it: the theme's name, and a room.
type page struct {
	empty map[string]asset // by theme
	parts [3]part
}

// part is a part of a page that is the same for everybody.
type part struct{ plain, deflated []byte }

// themes are those that a page knows by name, and what it has where none is chosen.
var themes = []string{"", "light", "dark"}

// page makes the page of a file; entries are the modules that it needs.
func (b *bundle) page(name string, entries ...string) page {
	text := b.fill(name, entries...)
	sheet := fmt.Sprintf(`<link rel="preload" as="style" href="%s">`, b.base()+roomStyle)
	p := page{empty: map[string]asset{}}
	for _, theme := range themes {
		a := newAsset(kinds[".html"], []byte(strings.NewReplacer("%THEME%", theme, "%SHEET%", sheet, "%ROOM%", "").Replace(text)))
		a.mark = theme
		p.empty[theme] = a
	}

	// A page with a room in it has the room's style, too.
	head, rest, _ := strings.Cut(strings.Replace(text, "%SHEET%\n", "", 1), "%THEME%")
	before, after, _ := strings.Cut(rest, "%ROOM%")
	before += `<chat-room><template shadowrootmode="open"><style>` + string(b.mustRead(roomStyle)) + "</style>"
	after = `</template><span slot="start" class="icon-button drawer-button"></span></chat-room>` + after
	for i, plain := range []string{head, before, after} {
		var deflated bytes.Buffer
		w, _ := flate.NewWriter(&deflated, flate.BestCompression) // the level is valid
		_, _ = io.WriteString(w, plain)                           // a buffer takes everything
		if i < len(p.parts)-1 {
			_ = w.Flush()
		} else {
			_ = w.Close()
		}
		p.parts[i] = part{[]byte(plain), deflated.Bytes()}
	}
	return p
}

// with is the page in one of the themes, with a room drawn into it. Only what is
// new in it is compressed now: a gzip stream (RFC 1952) may be put together of
// parts that each end at a byte, as a flush makes them (RFC 1951 section 3.2.4).
func (p *page) with(theme string, room []byte) asset {
	drawn := [][]byte{[]byte(theme), room, nil}
	var plain, gzipped bytes.Buffer
	gzipped.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255})
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	for i, part := range p.parts {
		plain.Write(part.plain)
		plain.Write(drawn[i])
		gzipped.Write(part.deflated)
		if len(drawn[i]) > 0 {
			w.Reset(&gzipped)
			_, _ = w.Write(drawn[i])
			_ = w.Flush()
		}
	}
	end := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(plain.Bytes()))
	gzipped.Write(binary.LittleEndian.AppendUint32(end, uint32(plain.Len())))
	return asset{kind: kinds[".html"], plain: plain.Bytes(), gzipped: gzipped.Bytes(), mark: "-" + digest(room) + theme}
}

var deflaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.DefaultCompression) // the level is valid
	return w
}}
