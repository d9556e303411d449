package sqlite

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestOneProcess holds that a data directory is one chatd's, and that the claim
// ends with the process, even if that is killed.
func TestOneProcess(t *testing.T) {
	if dir := os.Getenv("CHATD_TEST_HOLD"); dir != "" {
		if _, err := Open(t.Context(), dir); err != nil {
			fmt.Println("error:", err)
			return
		}
		fmt.Println("held")
		select {} // until killed
	}
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOneProcess$")
	child.Env = append(os.Environ(), "CHATD_TEST_HOLD="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "held\n" {
		t.Fatalf("child says %q, %v", line, err)
	}
	if s, err := Open(t.Context(), dir); err == nil {
		_ = s.Close()
		t.Error("a directory was opened while another process had it open")
	} else if !strings.Contains(err.Error(), "in use by another chatd") {
		t.Errorf("the refusal reads %q", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // "signal: killed"
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatalf("after the other process was killed: %v", err)
	}
	if _, err := Open(t.Context(), dir); err == nil {
		t.Error("a directory was opened twice in one process")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, test := range []struct{ name, prepare, want string }{
		{"newer", "PRAGMA user_version = 999", "newer chatd"},
		{"foreign", "PRAGMA application_id = 0", "not chatd's"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, FileName)
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecContext(t.Context(), test.prepare); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			before := read(t, path)
			if s, err = Open(t.Context(), dir); err == nil {
				_ = s.Close()
				t.Fatal("it was opened")
			} else if !strings.Contains(err.Error(), test.want) {
				t.Errorf("the refusal reads %q", err)
			}
			if !bytes.Equal(read(t, path), before) {
				t.Error("the database was changed")
			}
		})
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// TestPathIsAPath holds that characters with a meaning in SQLite's names of
// files are only characters in a directory's name.
func TestPathIsAPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?mode=memory#c%41&é")
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := os.Stat(filepath.Join(dir, FileName)); err != nil {
		t.Error(err)
	}
}

// TestOnlyOwnerReads holds that what people say is not for all users of the
// machine, also where the directory is.
func TestOnlyOwnerReads(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no such modes here")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if info, err := file.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file.Name(), info.Mode(), err)
		}
	}
}

// TestPlans holds that no query of a page walks or sorts what it does not
// return.
func TestPlans(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for _, query := range []string{selectBefore, selectAfter, selectNew, selectChanged, countUnread, countMentions} {
		var plan []string
		err := s.writer.each(t.Context(), "EXPLAIN QUERY PLAN "+query, []any{1, 1, 1, 1, 1}[:strings.Count(query, "?")], func(rows *sql.Rows) error {
			var a, b, c int
			var detail string
			err := rows.Scan(&a, &b, &c, &detail)
			plan = append(plan, detail)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range plan {
			if strings.HasPrefix(step, "SCAN") && !strings.HasPrefix(step, "SCAN (subquery") || strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s\n%s", query, strings.Join(plan, "\n"))
			}
		}
	}
}
