package sqlite

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"chatd/rooms"
)

// indexed is text as the index gets it. Its tokenizer knows words between
// spaces; where a script writes none, each two neighbouring characters become a
// word, and the last one too:
//
//	"in 上海市" is "in 上海 海市 市"
//
// so that any part of the run is a row of words, and a single character the
// beginning of one. A symbol, an emoji among them, becomes a word of its own.
// Widths and compositions of characters are made the same before.
func indexed(text string) string {
	var w spacer
	for _, c := range norm.NFKC.String(text) {
		w.add(c)
	}
	w.endRun(true)
	return w.out.String()
}

// spacer writes a text with spaces between the words of dense scripts.
type spacer struct {
	out strings.Builder
	run []rune // the dense characters at the end of what was added
}

func (w *spacer) add(c rune) {
	switch {
	case dense(c):
		w.run = append(w.run, c)
	case len(w.run) > 0 && unicode.Is(unicode.M, c):
		// a mark on a dense character: not a word's part for the tokenizer
	case unicode.Is(unicode.So, c):
		w.endRun(true)
		w.out.WriteString(" x" + strconv.FormatInt(int64(c), 16) + " ")
	case isToken(c) || unicode.Is(unicode.M, c):
		w.endRun(true)
		w.out.WriteRune(c)
	default:
		// The tokenizer's idea of what a word's part is may be another.
		w.endRun(true)
		w.out.WriteByte(' ')
	}
}

// endRun writes the run's pairs, and its last character if last.
func (w *spacer) endRun(last bool) {
	if len(w.run) == 0 {
		return
	}
	for i, c := range w.run {
		if i+1 == len(w.run) && !last {
			break
		}
		w.out.WriteByte(' ')
		w.out.WriteRune(c)
		if i+1 < len(w.run) {
			w.out.WriteRune(w.run[i+1])
		}
	}
	w.out.WriteByte(' ')
	w.run = w.run[:0]
}

// dense tells whether c is of a script without spaces between words, or, as
// Korean, with endings that a search should not have to name.
func dense(c rune) bool {
	return c >= 0x0e00 && (c == 'ー' || unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Bopomofo, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) && !unicode.Is(unicode.M, c))
}

// isToken tells whether c is part of a word in the index.
func isToken(c rune) bool {
	return unicode.IsLetter(c) || unicode.IsNumber(c) || unicode.Is(unicode.So, c)
}

// match makes an expression of the index's out of what somebody looks for; see
// [rooms.SearchQuery]. Whatever the text, the expression is a valid one.
func match(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", rooms.Invalid("q", "invalid_utf8", "must be valid UTF-8")
	}
	if utf8.RuneCountInString(text) > rooms.MaxSearch {
		return "", rooms.Invalid("q", "too_long", "must have at most %d characters", rooms.MaxSearch)
	}
	var want, not []string
	for text = norm.NFKC.String(text); ; {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		if text == "" {
			break
		}
		rest, negative := strings.CutPrefix(text, "-")
		var term string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			term, text, _ = strings.Cut(quoted, `"`)
		} else {
			end := strings.IndexFunc(rest, func(c rune) bool { return c == '"' || unicode.IsSpace(c) })
			if end < 0 {
				end = len(rest)
			}
			term, text = rest[:end], rest[end:]
		}
		if p := phrase(term); p == "" {
			continue
		} else if negative {
			not = append(not, p)
		} else {
			want = append(want, p)
		}
	}
	if len(want) == 0 {
		return "", rooms.Invalid("q", "required", "must have a word to look for")
	}
	expression := "(" + strings.Join(want, " AND ") + ")"
	if len(not) > 0 {
		expression += " NOT (" + strings.Join(not, " OR ") + ")"
	}
	return "text : (" + expression + ")", nil
}

// phrase makes of a term the phrase of its words, "" if it has none. A star at
// the end lets the last word go on.
func phrase(term string) string {
	word := strings.TrimRightFunc(term, func(c rune) bool { return !isToken(c) })
	open := strings.HasPrefix(term[len(word):], "*")
	if !strings.ContainsFunc(word, isToken) {
		return ""
	}
	var w spacer
	for _, c := range word {
		w.add(c)
	}
	// A run of dense characters at the end may go on, too. One alone is only
	// the beginning of words.
	open = open && len(w.run) == 0 || len(w.run) == 1
	w.endRun(len(w.run) == 1)
	if open {
		return `"` + w.out.String() + `" *`
	}
	return `"` + w.out.String() + `"`
}
