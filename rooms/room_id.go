package rooms

import (
	"strings"
	"unicode"
)

// RoomIDFromName derives a room id from a name: ASCII letters and digits are
// kept in lower case, Latin letters lose their marks, and every other run of
// characters becomes one hyphen. It returns "" if nothing usable is left, as for
// a name in Chinese.
func RoomIDFromName(name string) string {
	var b strings.Builder
	gap := false
	for _, c := range plainLatin.Replace(strings.ToLower(name)) {
		if unicode.Is(unicode.Mn, c) { // a mark by itself, after its letter
			continue
		}
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('-')
		}
		gap = false
		b.WriteRune(c)
		if b.Len() >= MaxRoomID {
			break
		}
	}
	id := b.String()
	if len(id) > MaxRoomID {
		id = id[:MaxRoomID]
	}
	return strings.Trim(id, "-")
}

var plainLatin = func() *strings.Replacer {
	var pairs []string
	for plain, letters := range map[string]string{
		"a": "àáâãäåāăąạảấầẩẫậắằẳẵặ", "ae": "æ", "c": "çćĉċč", "d": "ďđð",
		"e": "èéêëēĕėęěẹẻẽếềểễệ", "g": "ĝğġģ", "h": "ĥħ", "i": "ìíîïĩīĭįıỉị",
		"j": "ĵ", "k": "ķ", "l": "ĺļľł", "n": "ñńņň",
		"o": "òóôõöøōŏőơọỏốồổỗộớờởỡợ", "oe": "œ", "r": "ŕŗř", "s": "śŝşšș",
		"ss": "ß", "t": "ţťŧț", "th": "þ", "u": "ùúûüũūŭůűųưụủứừửữự", "w": "ŵ",
		"y": "ýÿŷỳỵỷỹ", "z": "źżž",
	} {
		for _, letter := range letters {
			pairs = append(pairs, string(letter), plain)
		}
	}
	return strings.NewReplacer(pairs...)
}()
