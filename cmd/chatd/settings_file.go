package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// configSetting is the name of the setting that names a file of settings.
const configSetting = "config"

// readSettings reads the file that the setting "config" names, if there is
// such a setting and it does: TOML, with the names of the flags as keys. It
// returns the values by name, and what is wrong with the file.
func readSettings(settings []setting, typed map[string]*raw) (file map[string][]string, bad []string) {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.Name == configSetting })
	if i < 0 {
		return nil, nil
	}
	values := settings[i].find(typed, nil)
	path := values[len(values)-1]
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, []string{fmt.Sprintf("%s: %v", settings[i].Source, err)}
	}
	var table map[string]any
	if err := toml.Unmarshal(text, &table); err != nil {
		if e, ok := errors.AsType[*toml.DecodeError](err); ok {
			row, column := e.Position()
			return nil, []string{fmt.Sprintf("%s:%d:%d: %s", path, row, column, strings.TrimPrefix(e.Error(), "toml: "))}
		}
		return nil, []string{fmt.Sprintf("%s: %v", path, err)}
	}
	file = make(map[string][]string)
	var names []string
	for _, s := range settings {
		names = append(names, s.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		known := slices.ContainsFunc(settings, func(s setting) bool { return s.Name == name && name != configSetting })
		if !known {
			bad = append(bad, fmt.Sprintf("%s: there is no setting %q%s", path, name, suggest(name, names)))
			continue
		}
		if file[name], err = settingValues(table[name]); err != nil {
			bad = append(bad, fmt.Sprintf("%s: %s %v", path, name, err))
		}
	}
	return file, bad
}

// settingValues is a TOML value as it would have been typed.
func settingValues(value any) ([]string, error) {
	switch v := value.(type) {
	case string:
		return []string{v}, nil
	case bool:
		return []string{strconv.FormatBool(v)}, nil
	case int64:
		return []string{strconv.FormatInt(v, 10)}, nil
	case []any:
		list := make([]string, 0, len(v))
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				return nil, errors.New("must be a list of strings")
			}
			list = append(list, text)
		}
		return list, nil
	default:
		return nil, errors.New("must be a string, a number, true, false or a list of strings")
	}
}

// runConfig prints the settings as a file that has them, but for the secrets.
func runConfig(_ context.Context, args []string, c console) error {
	var cfg Config
	settings, _, err := parseSettings("config", &cfg, args, c, 0, 0)
	if err != nil {
		return err
	}
	for _, s := range settings {
		switch value := s.field.Interface().(type) {
		case secret:
			line := "# " + s.Name + " is not set"
			if value != "" {
				line = "# " + s.Name + " is set, and not shown"
			}
			fmt.Fprintf(c.out, "%-44s # %s\n", line, s.Source)
		default:
			if s.Name == configSetting {
				continue
			}
			fmt.Fprintf(c.out, "%-44s # %s\n", s.Name+" = "+tomlValue(value), s.Source)
		}
	}
	return nil
}

func tomlValue(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case time.Duration:
		return strconv.Quote(v.String())
	case []string:
		quoted := make([]string, len(v))
		for i, s := range v {
			quoted[i] = strconv.Quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	default:
		return fmt.Sprint(v)
	}
}
