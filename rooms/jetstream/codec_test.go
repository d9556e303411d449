package jetstream

import (
	"reflect"
	"strings"
	"testing"

	"chatd/rooms"
	"chatd/rooms/roomstest"
)

func TestCodec(t *testing.T) {
	full := roomstest.FullEntry()
	full.JournalAt = 0 // the stream gives it
	for name, e := range map[string]rooms.Entry{"full": full, "empty": {At: full.At}} {
		p, err := encode([]byte("before"), &e)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := decode([]byte(strings.TrimPrefix(string(p), "before")))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, e) {
			t.Errorf("%s:\nencoded %+v\ndecoded %+v", name, e, got)
		}
	}
}

// What this chatd might misunderstand is refused, and not guessed.
func TestCodecRefuses(t *testing.T) {
	for _, p := range []string{
		"", "1", "0{}", "2{}", `1{"k":"post"`, `1{"k":"post"}x`, `1{"k":"post"}{}`, `1{"k":"post","new":1}`, `1[]`,
		`1{"p":{"New":1}}`, `1{"c":{"New":1}}`, `1{"q":-1}`,
	} {
		if e, err := decode([]byte(p)); err == nil {
			t.Errorf("%q was read as %+v", p, e)
		}
	}
	if _, err := encode(nil, &rooms.Entry{Text: "\xff"}); err == nil {
		t.Error("text that is no UTF-8 was encoded")
	}
}

func FuzzDecode(f *testing.F) {
	full := roomstest.FullEntry()
	p, err := encode(nil, &full)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p)
	f.Add([]byte(`1{"k":"post","r":"lobby","i":"1","a":1,"mk":"chat","t":"hello"}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		e, err := decode(p)
		if err != nil {
			return
		}
		again, err := encode(nil, &e)
		if err != nil {
			t.Fatalf("%q was decoded and cannot be encoded: %v", p, err)
		}
		e2, err := decode(again)
		if err != nil || !reflect.DeepEqual(e, e2) {
			t.Fatalf("%q became %+v and then %+v, %v", p, e, e2, err)
		}
	})
}
