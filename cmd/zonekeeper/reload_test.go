package main

import (
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReloadTakesOverWhatItCan(t *testing.T) {
	const scope = onServe | onAny
	file := writeFile(t, "zk.yaml", "zone: a\n")
	var log transcript
	p := &program{sources: sources{flags: flagSet(t, scope, "--config", file)}}
	p.log = newLogger(&log, LogConfig{Format: "json"}, &p.level, false)
	var wrong mistakes
	p.loaded, wrong = load(p.sources, scope)
	require.Empty(t, wrong)

	require.NoError(t, os.WriteFile(file, []byte("zone: b\nlog:\n  level: debug\n"), 0o600))
	p.reload()
	require.Equal(t, slog.LevelDebug, p.level.Level())
	require.Contains(t, log.String(), `"changed":["log.level"],"needsRestart":["zone"]`)

	require.NoError(t, os.WriteFile(file, []byte("log:\n  level: loud\n"), 0o600))
	p.reload()
	require.Equal(t, slog.LevelDebug, p.level.Level(), "a configuration with mistakes changes nothing")
	require.Contains(t, log.String(), "the configuration was not taken over")
}
