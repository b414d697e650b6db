package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is set by the build (-ldflags "-X main.release=1.2.3"); a build without it is called by its commit.
var release string //nolint:gochecknoglobals // the linker can only set a variable

func (p *program) versionCommand() *cobra.Command {
	return with(&cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return p.print(result{
				data: map[string]string{"version": version(), "go": runtime.Version(), "platform": platform()},
				rows: [][]string{{"zonekeeper " + version(), runtime.Version(), platform()}},
			})
		},
	}, onPrint)
}

func platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// version names this build: the release, else the commit it was built from, else devel.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			revision = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	switch {
	case revision != "":
		return "devel-" + revision + dirty
	case info.Main.Version != "" && info.Main.Version != "(devel)":
		return info.Main.Version
	}
	return "devel"
}
