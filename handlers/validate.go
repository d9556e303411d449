package handlers

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"chatd/rooms"

	"github.com/go-playground/validator/v10"
)

// newValidator checks the shape of bodies by the validate tags of package wire,
// under the names of their JSON. Beyond validator's own tags it knows roomid,
// line=N (one line of at most N characters) and key (an idempotency key).
func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	for tag, valid := range map[string]validator.Func{
		"roomid": func(f validator.FieldLevel) bool { return rooms.ValidRoomID(f.Field().String()) },
		"key":    func(f validator.FieldLevel) bool { return rooms.ValidKey(f.Field().String()) },
		"line": func(f validator.FieldLevel) bool {
			limit, err := strconv.Atoi(f.Param())
			return err == nil && rooms.ValidLine(f.Field().String(), limit)
		},
	} {
		if err := v.RegisterValidation(tag, valid); err != nil {
			panic(err) // a tag's name is a constant
		}
	}
	return v
}

// check returns a refusal that names every field of body that breaks its rule.
func (s *Server) check(body any) error {
	err := s.validate.Struct(body)
	broken, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		return err
	}
	refused := &rooms.Error{Code: rooms.CodeInvalid}
	var details []string
	for _, b := range broken {
		_, field, _ := strings.Cut(b.Namespace(), ".") // without the type's name
		code, detail := complaint(b)
		refused.Fields = append(refused.Fields, rooms.FieldError{Field: field, Code: code, Detail: detail})
		details = append(details, field+" "+detail)
	}
	refused.Detail = strings.Join(details, "; ")
	return refused
}

// complaint is what is wrong with a field: a stable code, and a sentence to
// follow the field's name.
func complaint(b validator.FieldError) (code, detail string) {
	switch b.Tag() {
	case "required":
		return "required", "must not be empty"
	case "roomid":
		return "invalid", "must have 1 to 64 lower-case letters, digits and hyphens, none of them a hyphen at an end"
	case "line":
		text, _ := b.Value().(string)
		if limit, err := strconv.Atoi(b.Param()); err == nil && utf8.RuneCountInString(text) > limit {
			return "too_long", fmt.Sprintf("must have at most %d characters", limit)
		}
		return "invalid", "must be one line without control characters"
	case "key":
		return "invalid", rooms.KeyRule
	case "oneof":
		return "invalid", "must be " + strings.Join(strings.Fields(b.Param()), " or ")
	case "min":
		return "too_small", "must be at least " + b.Param()
	case "max":
		if b.Kind() == reflect.Slice {
			return "too_large", "must have at most " + b.Param() + " entries"
		}
		return "too_large", "must be at most " + b.Param()
	default:
		return "invalid", "is not valid"
	}
}
