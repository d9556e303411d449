package rooms

import (
	"slices"
	"strings"
	"unicode"
)

// MaxMentions bounds how many names one message can mention.
const MaxMentions = 50

// FoldName is the form in which names are compared and mentioned: lower case,
// each run of white space one underscore, without the points and hyphens at its
// end: at that of a mention, they are the sentence's.
func FoldName(name string) string {
	return strings.ToLower(strings.TrimRight(strings.Join(strings.Fields(name), "_"), ".-"))
}

// Mentions returns the folded names that text mentions, without repeats, in the
// order of their first mention: "@" at a word's beginning, followed by letters,
// digits, "_", "-" and ".", without the points at its end.
func Mentions(text string) []string {
	if !strings.Contains(text, "@") {
		return nil // most have none, and this is quick to see
	}
	var found []string
	before := ' '
	for i, c := range text {
		if c == '@' && !isNameRune(before) {
			rest := text[i+1:]
			end := strings.IndexFunc(rest, func(c rune) bool { return !isNameRune(c) })
			if end < 0 {
				end = len(rest)
			}
			name := FoldName(rest[:end])
			if name != "" && !slices.Contains(found, name) {
				found = append(found, name)
			}
			if len(found) == MaxMentions {
				break
			}
		}
		before = c
	}
	return found
}

func isNameRune(c rune) bool {
	return unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c) || c == '_' || c == '-' || c == '.'
}
