package main

import (
	"io"
	"log/slog"
	"os"
	"strings"
)

// newLogger builds the log on w. A person at a terminal reads plain lines; a collector reads JSON.
func newLogger(w io.Writer, c LogConfig, level slog.Leveler, terminal bool) *slog.Logger {
	if c.Format == "json" || (c.Format == "auto" && !terminal) {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: readable}))
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.String(a.Key, a.Value.Time().Format("15:04:05.000"))
		}
		return readable(groups, a)
	}}))
}

// readable writes durations as people do: 1.5s rather than 1500000000.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// severity reads log.level.
func severity(name string) slog.Level {
	var level slog.Level
	_ = level.UnmarshalText([]byte(strings.ToUpper(name))) // checked by the table; the zero value is info
	return level
}

// isTerminal reports whether a person reads what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
