// Package zonekeeper_test holds the checks that are about the repository as a whole: which package may import which.
package zonekeeper_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/zonekeeper/zonekeeper"

// rooms is every package with the packages of ours that it may import. Data flows one way (README.md, "Map"), and so do
// imports: what holds state knows nothing of sockets and SQL, what knows the wire knows nothing else. Tests may import more.
var rooms = map[string][]string{
	"migrations": {},

	"peerstore":               {},
	"peerstore/pgstore":       {"peerstore", "migrations"},
	"peerstore/localpg":       {},
	"peerstore/pgtest":        {"peerstore", "migrations", "peerstore/localpg", "peerstore/pgstore"},
	"peerstore/peerstoretest": {"peerstore"},

	"registry/eureka":            {},
	"registry/eureka/recorded":   {"registry/eureka"},
	"registry":                   {"registry/eureka"},
	"registry/remoting":          {},
	"registry/remoting/recorded": {"registry/remoting"},
	"registry/routeinfo":         {"registry/remoting"},
	"registry/namesrv":           {"registry/routeinfo", "registry/remoting"},
	"registry/intent":            {"registry/eureka"},
	"registry/intent/pgintent":   {"registry/intent", "registry/eureka"},
	"registry/intent/intenttest": {"registry/intent", "registry/eureka"},
	"registry/replication":       {"registry", "registry/eureka", "registry/routeinfo", "registry/remoting", "peerstore"},
	"registry/httpapi":           {"registry", "registry/eureka", "registry/replication", "registry/routeinfo", "clientcfg", "peerstore"},

	"clientcfg":              {},
	"clientcfg/pgsource":     {"clientcfg"},
	"clientcfg/eurekaclient": {"clientcfg", "registry/eureka"},

	"cmd/zonekeeper": {"*"},

	"deploy/samples/client": {"clientcfg", "clientcfg/eurekaclient", "registry/eureka"},
}

// A wall says which packages of ours may import something from outside, and why nobody else may.
type wall struct {
	outside string   // import path, or its beginning
	inside  []string // packages of ours; "*test" stands for test packages and test files
	reason  string
}

var walls = []wall{
	{
		"github.com/jackc/pgx/",
		[]string{"peerstore/pgstore", "peerstore/pgtest", "peerstore/localpg", "registry/intent/pgintent", "clientcfg/pgsource", "migrations", "cmd/zonekeeper", "*test"},
		"SQL stays behind the Store interfaces, and a client that reads its servers over HTTP must not link a database driver",
	},
	{
		"github.com/pressly/goose/",
		[]string{"migrations", "*test"},
		"only migrations knows how a schema comes up",
	},
	{
		"github.com/labstack/",
		[]string{"registry/httpapi"},
		"echo v4's support ends with 2026: the step to v5 must be one package",
	},
	{
		"github.com/spf13/",
		[]string{"cmd/zonekeeper"},
		"packages take a Config; how people write it is the program's affair",
	},
	{
		"github.com/knadh/koanf/",
		[]string{"cmd/zonekeeper"},
		"packages take a Config; how people write it is the program's affair",
	},
	{
		"github.com/goccy/go-yaml",
		[]string{"cmd/zonekeeper"},
		"packages take a Config; how people write it is the program's affair",
	},
	{
		"github.com/klauspost/compress/",
		[]string{"registry", "registry/remoting", "*test"},
		"snapshots are compressed once, where they are made, and brokers compress registrations; everybody else writes the bytes",
	},
	{
		"github.com/prometheus/client_golang/",
		[]string{"registry/httpapi", "registry/replication", "registry/namesrv", "registry", "peerstore/pgstore", "cmd/zonekeeper", "*test"},
		"only packages that count, and the program that gathers",
	},
	{
		"github.com/fergusstrange/embedded-postgres",
		[]string{"peerstore/localpg"},
		"a server in production must not be able to fetch a database",
	},
	{
		"github.com/cenkalti/backoff/",
		[]string{"registry/intent", "peerstore/pgstore", "clientcfg/pgsource"},
		"the leaves use the standard library only",
	},
	{
		"golang.org/x/",
		[]string{"registry", "registry/replication", "registry/httpapi", "peerstore/pgstore", "peerstore/localpg", "cmd/zonekeeper", "*test"},
		"the leaves use the standard library only",
	},
	{
		"github.com/stretchr/testify/require", []string{"*test", "registry/eureka/recorded"}, "for tests",
	},
	{
		"github.com/google/go-cmp/", []string{"*test"}, "for tests",
	},
	{
		"pgregory.net/rapid", []string{"*test"}, "for tests",
	},
	{
		"go.uber.org/goleak", []string{"*test"}, "for tests",
	},
	{
		"testing", []string{"*test", "registry/eureka/recorded"}, "what ships does not link the test framework",
	},
}

func TestImportsFollowTheMap(t *testing.T) {
	seen := make(map[string]bool)
	for _, f := range goFiles(t) {
		seen[f.room] = true
		allowed, known := rooms[f.room]
		require.Truef(t, known, "%s: package %s is not in the map of imports_test.go: say there what it may import", f.name, f.room)
		for _, imported := range f.imports {
			inner, ours := strings.CutPrefix(imported, module+"/")
			switch {
			case ours && strings.HasPrefix(inner, "cmd/"):
				t.Errorf("%s imports %s: nothing imports a command", f.name, inner)
			case ours && !f.test && !slices.Contains(allowed, inner) && !slices.Contains(allowed, "*"):
				t.Errorf("%s imports %s: %s may import %v of ours", f.name, inner, f.room, allowed)
			case !ours:
				checkOutside(t, f, imported)
			}
		}
	}
	for room := range rooms {
		require.Truef(t, seen[room], "the map of imports_test.go names %s, which does not exist", room)
	}
}

// checkOutside holds an import of somebody else's package against the walls. The standard library is free.
func checkOutside(t *testing.T, f goFile, imported string) {
	i := slices.IndexFunc(walls, func(w wall) bool {
		return imported == w.outside || strings.HasPrefix(imported, strings.TrimSuffix(w.outside, "/")+"/")
	})
	if i < 0 {
		if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
			t.Errorf("%s imports %s, which no wall of imports_test.go mentions: say there who may, and why", f.name, imported)
		}
		return
	}
	w := walls[i]
	testing := f.test || strings.HasSuffix(f.room, "test")
	if slices.Contains(w.inside, f.room) || (testing && slices.Contains(w.inside, "*test")) {
		return
	}
	t.Errorf("%s imports %s: only %v may: %s", f.name, imported, w.inside, w.reason)
}

func TestEveryPackageIsDocumented(t *testing.T) {
	documented := make(map[string]bool)
	for _, f := range goFiles(t) {
		documented[f.room] = documented[f.room] || f.documented
	}
	for room, ok := range documented {
		require.Truef(t, ok, "package %s has no comment that tells its story", room)
	}
}

type goFile struct {
	name       string // from the root of the repository
	room       string // its directory
	test       bool
	imports    []string
	documented bool
}

// goFiles are all files of this module; modules inside it (deploy/compat) stand for themselves.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			_, nested := os.Stat(filepath.Join(name, "go.mod"))
			if name != "." && (nested == nil || strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
				return filepath.SkipDir
			}
			return nil
		case path.Ext(name) != ".go" || filepath.Dir(name) == ".":
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		f := goFile{
			name: name, room: filepath.ToSlash(filepath.Dir(name)),
			test: strings.HasSuffix(name, "_test.go"), documented: parsed.Doc != nil,
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported)
		}
		files = append(files, f)
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}
