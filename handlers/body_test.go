package handlers

import (
	"errors"
	"strings"
	"testing"

	"chatd/handlers/wire"
	"chatd/rooms"
)

func TestDecodeStrict(t *testing.T) {
	for name, tt := range map[string]struct {
		body, field, code string
		says              []string
	}{
		"empty":            {body: "", says: []string{"JSON object"}},
		"white space":      {body: " \n", says: []string{"JSON object"}},
		"null":             {body: "null", says: []string{"JSON object"}},
		"array":            {body: `[{"name":"a"}]`, says: []string{"JSON object"}},
		"cut off":          {body: `{"name":"a"`, says: []string{"ends before its end", "column 12"}},
		"broken":           {body: "{\"name\":\"a\",\n  oops}", says: []string{"line 2, column 3"}},
		"more behind":      {body: `{"name":"a"} {"name":"b"}`, says: []string{"more after", "column 14"}},
		"unknown field":    {body: `{"titel":"a"}`, field: "titel", code: "unknown"},
		"unknown, nested":  {body: `{"retention":{"days":1}}`, field: "days", code: "unknown"},
		"number as string": {body: `{"slow_mode":"5"}`, field: "slow_mode", code: "wrong_type", says: []string{"a whole number", "not a string"}},
		"string as number": {body: `{"name":5}`, field: "name", code: "wrong_type", says: []string{"must be a string"}},
		"fraction":         {body: `{"slow_mode":1.5}`, field: "slow_mode", code: "wrong_type", says: []string{"not 1.5"}},
		"nested type":      {body: `{"retention":{"count":"x"}}`, field: "retention.count", code: "wrong_type"},
		"object as string": {body: `{"name":{}}`, field: "name", code: "wrong_type", says: []string{"not an object"}},
		"not UTF-8":        {body: "{\"name\":\"\xff\"}", says: []string{"UTF-8"}},
		"nesting bomb":     {body: `{"name":` + strings.Repeat("[", 30_000), says: []string{"not JSON"}},
	} {
		t.Run(name, func(t *testing.T) {
			var body wire.CreateRoom
			err := decodeStrict([]byte(tt.body), &body)
			e, ok := errors.AsType[*rooms.Error](err)
			if !ok || e.Code != wire.CodeMalformed {
				t.Fatalf("got %v, want %s", err, wire.CodeMalformed)
			}
			for _, s := range tt.says {
				if !strings.Contains(e.Detail, s) {
					t.Errorf("%q does not say %q", e.Detail, s)
				}
			}
			if tt.field == "" {
				if len(e.Fields) != 0 {
					t.Errorf("fields %v, want none", e.Fields)
				}
				return
			}
			if len(e.Fields) != 1 || e.Fields[0].Field != tt.field || e.Fields[0].Code != tt.code {
				t.Errorf("fields %v, want %s %s", e.Fields, tt.field, tt.code)
			}
		})
	}

	var body wire.CreateRoom
	if err := decodeStrict([]byte("\r\n {\"name\":\"Ünïcode\"}\n"), &body); err != nil || body.Name != "Ünïcode" {
		t.Errorf("got %+v, %v", body, err)
	}
}

func TestCheck(t *testing.T) {
	s := &Server{validate: newValidator()}
	long := strings.Repeat("ä", rooms.MaxRoomName+1)
	minus, mode := -1, "closed"
	for name, tt := range map[string]struct {
		body any
		want map[string]string // field → code
	}{
		"good room":       {&wire.CreateRoom{ID: "ops", Name: strings.Repeat("ä", rooms.MaxRoomName)}, nil},
		"empty room":      {&wire.CreateRoom{}, nil},
		"bad id":          {&wire.CreateRoom{ID: "Ops!"}, map[string]string{"id": "invalid"}},
		"long name":       {&wire.CreateRoom{Name: long}, map[string]string{"name": "too_long"}},
		"control":         {&wire.CreateRoom{Name: "a\x07b"}, map[string]string{"name": "invalid"}},
		"bidi override":   {&wire.CreateRoom{Topic: "a\u202eb"}, map[string]string{"topic": "invalid"}},
		"several at once": {&wire.CreateRoom{ID: "-", Name: long, Mode: "x", SlowMode: 86401}, map[string]string{"id": "invalid", "name": "too_long", "mode": "invalid", "slow_mode": "too_large"}},
		"nested":          {&wire.CreateRoom{Retention: wire.Retention{Count: -1}}, map[string]string{"retention.count": "too_small"}},
		"patch":           {&wire.PatchRoom{SlowMode: &minus, Mode: &mode}, map[string]string{"slow_mode": "too_small", "mode": "invalid"}},
		"empty patch":     {&wire.PatchRoom{}, nil},
		"no text":         {&wire.PostMessage{}, map[string]string{"message": "required"}},
		"key with space":  {&wire.PostMessage{Message: "a", ID: "a b"}, map[string]string{"id": "invalid"}},
		"long key":        {&wire.PostMessage{Message: "a", ID: strings.Repeat("k", rooms.MaxKey+1)}, map[string]string{"id": "invalid"}},
		"longest key":     {&wire.PostMessage{Message: "a", ID: strings.Repeat("k", rooms.MaxKey)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			err := s.check(tt.body)
			if tt.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			e, ok := errors.AsType[*rooms.Error](err)
			if !ok || e.Code != rooms.CodeInvalid {
				t.Fatalf("got %v, want %s", err, rooms.CodeInvalid)
			}
			if len(e.Fields) != len(tt.want) {
				t.Errorf("fields %v, want %v", e.Fields, tt.want)
			}
			for _, f := range e.Fields {
				if tt.want[f.Field] != f.Code {
					t.Errorf("%s is %s (%s), want %q", f.Field, f.Code, f.Detail, tt.want[f.Field])
				}
			}
		})
	}
}
