package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// setting is one field of a struct of settings. Its tags are all there is to
// say about it:
//
//	flag    its name on the command line; CHATD_NAME in the environment
//	default its value when nothing is said
//	arg     what its value is called in the help
//	help    what it does
//	oneof   the values that it may have, separated by spaces
//	same    "yes": all nodes of a cluster must have the same value
//
// The settings of an embedded struct are settings too. A field is a string, a
// secret, a bool, an int, a float64, a time.Duration or a []string, which takes a
// comma-separated list and may be given more than once.
type setting struct {
	Name, Env, Default, Arg, Help string
	OneOf                         []string
	Secret, Same                  bool
	Source                        string // where its value came from, after load
	field                         reflect.Value
}

// secret is a value that is never shown.
type secret string

func (s secret) String() string {
	if s == "" {
		return ""
	}
	return "(set)"
}

// settingsOf lists the settings of a struct, given a pointer to it.
func settingsOf(dst any) []setting {
	return fieldSettings(reflect.ValueOf(dst).Elem())
}

func fieldSettings(v reflect.Value) []setting {
	var all []setting
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			all = append(all, fieldSettings(v.Field(i))...)
			continue
		}
		name, ok := f.Tag.Lookup("flag")
		if !ok {
			continue
		}
		all = append(all, setting{
			Name:    name,
			Env:     "CHATD_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")),
			Default: f.Tag.Get("default"),
			Arg:     f.Tag.Get("arg"),
			Help:    f.Tag.Get("help"),
			OneOf:   strings.Fields(f.Tag.Get("oneof")),
			Same:    f.Tag.Get("same") == "yes",
			Secret:  f.Type == reflect.TypeFor[secret](),
			field:   v.Field(i),
		})
	}
	return all
}

// checker is a struct of settings with rules beyond those of single values.
type checker interface {
	// check returns every rule that is broken, naming the settings.
	check() []error
}

// load fills dst from args, the environment, the file that the setting "config"
// names, and the defaults, in this order of precedence. It returns the settings,
// each with its source, and what follows the flags. An empty variable is as
// none. All bad values are refused together, each under the name it was given by.
func load(dst any, args []string) (settings []setting, rest []string, err error) {
	settings = settingsOf(dst)
	typed := make(map[string]*raw, len(settings))
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	for _, s := range settings {
		typed[s.Name] = &raw{isBool: s.field.Kind() == reflect.Bool}
		flags.Var(typed[s.Name], s.Name, "")
	}
	if rest, err = parseMixed(flags, args); errors.Is(err, flag.ErrHelp) {
		return nil, nil, errHelp
	} else if err != nil {
		return nil, nil, badFlag(err, settings)
	}

	file, bad := readSettings(settings, typed)
	for i := range settings {
		s := &settings[i]
		values := s.find(typed, file)
		if err := s.set(values); err != nil {
			bad = append(bad, fmt.Sprintf("%s: %v", s.Source, err))
			_ = s.set([]string{s.Default}) // what is checked below must be something
		}
	}
	if c, ok := dst.(checker); ok {
		for _, err := range c.check() {
			bad = append(bad, err.Error())
		}
	}
	if len(bad) > 0 {
		return nil, nil, usagef("%s", strings.Join(bad, "\nchatd: "))
	}
	return settings, rest, nil
}

// flagError is what is wrong with the flags themselves: the help has them.
type flagError struct{ problem string }

func (e *flagError) Error() string { return e.problem }

// badFlag is what was wrong with the flags, in our words.
func badFlag(err error, settings []setting) error {
	problem := strings.Replace(err.Error(), ": -", ": --", 1)
	if name, unknown := strings.CutPrefix(problem, "flag provided but not defined: "); unknown {
		var names []string
		for _, s := range settings {
			names = append(names, "--"+s.Name)
		}
		problem = "there is no flag " + name + suggest(name, names)
	}
	return &flagError{problem}
}

// find returns the setting's values as they were given, and notes where.
func (s *setting) find(typed map[string]*raw, file map[string][]string) []string {
	if r := typed[s.Name]; r.values != nil {
		s.Source = "--" + s.Name
		return r.values
	}
	if value := os.Getenv(s.Env); value != "" {
		s.Source = s.Env
		return []string{value}
	}
	if values, ok := file[s.Name]; ok {
		s.Source = s.Name + " in the configuration file"
		return values
	}
	s.Source = "default"
	return []string{s.Default}
}

// parseMixed parses flags wherever they stand between the other arguments; all
// that follows "--" is no flag.
func parseMixed(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		left := flags.Args()
		ended := len(left) < len(args) && args[len(args)-len(left)-1] == "--"
		if len(left) == 0 || ended {
			return append(rest, left...), nil
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}

// raw is a flag's value as it was typed; values is nil when it was not.
type raw struct {
	isBool bool
	values []string
}

func (r *raw) String() string     { return strings.Join(r.values, ",") }
func (r *raw) Set(s string) error { r.values = append(r.values, s); return nil }
func (r *raw) IsBoolFlag() bool   { return r.isBool }

// set parses the values into the setting's field. Only lists join them; of all
// others, the last one counts.
func (s setting) set(values []string) error {
	value := ""
	if len(values) > 0 {
		value = values[len(values)-1]
	}
	if len(s.OneOf) > 0 && !slices.Contains(s.OneOf, value) {
		return fmt.Errorf("%q is none of %s", value, strings.Join(s.OneOf, ", "))
	}
	switch p := s.field.Addr().Interface().(type) {
	case *string:
		*p = value
	case *secret:
		*p = secret(value)
	case *[]string:
		*p = nil
		for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
			if item = strings.TrimSpace(item); item != "" {
				*p = append(*p, item)
			}
		}
	case *bool:
		b, err := strconv.ParseBool(cmp.Or(value, "false"))
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", value)
		}
		*p = b
	case *int:
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is not a whole number from 0", value)
		}
		*p = n
	case *float64:
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", value)
		}
		*p = n
	case *time.Duration:
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is not a duration such as 10s or 1m30s", value)
		}
		*p = d
	default:
		panic(fmt.Sprintf("setting %s has a type that load does not know: %T", s.Name, p))
	}
	return nil
}

// printSettings writes the help of the settings, in two columns as wide as a
// terminal.
func printSettings(w io.Writer, settings []setting) {
	const left, right = 26, 52
	for _, s := range settings {
		head := "--" + s.Name
		if s.Arg != "" {
			head += " " + s.Arg
		}
		note := "[" + s.Env
		if s.Default != "" {
			note += ", default " + s.Default
		}
		lines := append(wrap(s.describe(), right), note+"]")
		for _, line := range lines {
			fmt.Fprintf(w, "  %-*s %s\n", left, head, line)
			head = ""
		}
	}
}

// wrap breaks text at spaces into lines of at most width letters, if it can.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// describe is the help with the values that the setting may have.
func (s setting) describe() string {
	if len(s.OneOf) == 0 {
		return s.Help
	}
	return s.Help + ": " + strings.Join(s.OneOf, ", ")
}
