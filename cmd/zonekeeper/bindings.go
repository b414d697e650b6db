package main

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/zonekeeper/zonekeeper/migrations"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
)

// binding is what an option's values look like and where they go.
type binding struct {
	form string // one word for --help: duration, url, size
	rule string // what is accepted; ends the sentence "<key> = <value>: must be ..."
	set  func(c *Config, value string) error
}

// errForm says that a value does not follow the rule; a binding returns something more telling where it can.
var errForm = errors.New("does not follow the rule")

func bind[T any](form, rule string, into func(*Config) *T, parse func(string) (T, error)) binding {
	return binding{form: form, rule: rule, set: func(c *Config, value string) error {
		v, err := parse(value)
		if err == nil {
			*into(c) = v
		}
		return err
	}}
}

// matching accepts strings that fit a pattern.
func matching(form, rule, pattern string, into func(*Config) *string) binding {
	re := regexp.MustCompile(pattern)
	return bind(form, rule, into, func(s string) (string, error) {
		if !re.MatchString(s) {
			return "", errForm
		}
		return s, nil
	})
}

func text(into func(*Config) *string) binding {
	return bind("path", "must be a path", into, func(s string) (string, error) { return s, nil })
}

func word(into func(*Config) *string) binding {
	return matching("name", "must be letters, digits, '.', '_' and '-', at most 63", `^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`, into)
}

func clusterName(into func(*Config) *string) binding {
	return matching("name", "must be lower-case letters, digits, '.', '_' and '-', at most 41", `^[a-z0-9][a-z0-9._-]{0,40}$`, into)
}

func schema(into func(*Config) *string) binding {
	rule := "must be lower-case letters, digits and '_', at most 40, and begin neither with a digit nor with pg_"
	return bind("name", rule, into, func(s string) (string, error) {
		if migrations.CheckName(s) != nil {
			return "", errForm
		}
		return s, nil
	})
}

func oneOf(into func(*Config) *string, words ...string) binding {
	return bind(strings.Join(words, "|"), "must be one of "+strings.Join(words, ", "), into, func(s string) (string, error) {
		for _, w := range words {
			if s == w {
				return s, nil
			}
		}
		if near := nearest(s, words); near != "" {
			return "", fmt.Errorf("did you mean %s?", near)
		}
		return "", errForm
	})
}

func boolean(into func(*Config) *bool) binding {
	return bind("bool", "must be true or false", into, func(s string) (bool, error) {
		switch s {
		case "true", "yes", "on", "1":
			return true, nil
		case "false", "no", "off", "0":
			return false, nil
		}
		return false, errForm
	})
}

func integer(into func(*Config) *int, least, most int) binding {
	return bind("number", fmt.Sprintf("must be a whole number from %d to %d", least, most), into, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return 0, errForm
		}
		return n, nil
	})
}

func duration(into func(*Config) *time.Duration, least, most time.Duration) binding {
	rule := fmt.Sprintf("must be a time from %s to %s, such as 1500ms, 30s or 5m", brief(least), brief(most))
	return bind("duration", rule, into, func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		switch {
		case err != nil && regexp.MustCompile(`^[0-9]+$`).MatchString(s) && s != "0":
			return 0, fmt.Errorf("write the unit: %ss", s)
		case err != nil, d < least, d > most:
			return 0, errForm
		}
		return d, nil
	})
}

// brief writes a duration without the zero parts that time.Duration adds: 10m rather than 10m0s.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func size(into func(*Config) *int64, least, most int64) binding {
	rule := fmt.Sprintf("must be a size from %s to %s, such as 512KiB or 4MiB", bytesText(least), bytesText(most))
	return bind("size", rule, into, func(s string) (int64, error) {
		n, err := parseSize(s)
		if err != nil || n < least || n > most {
			return 0, errForm
		}
		return n, nil
	})
}

var sizeUnits = []struct {
	suffix string
	factor int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}, {"", 1}}

func parseSize(s string) (int64, error) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.factor {
			return 0, errForm
		}
		return n * u.factor, nil
	}
	return 0, errForm
}

func bytesText(n int64) string {
	for _, u := range sizeUnits[:3] {
		if n >= u.factor && n%u.factor == 0 {
			return fmt.Sprintf("%d%s", n/u.factor, u.suffix)
		}
	}
	return fmt.Sprintf("%dB", n)
}

func listen(into func(*Config) *string) binding {
	return bind("host:port", "must be host:port or :port", into, func(s string) (string, error) {
		_, port, err := net.SplitHostPort(s)
		if err != nil {
			if _, numeric := strconv.Atoi(s); numeric == nil {
				return "", fmt.Errorf("write :%s", s)
			}
			return "", errForm
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65_535 {
			return "", errors.New("the port is a number up to 65535")
		}
		return s, nil
	})
}

const eurekaURLRule = "must be an http or https URL that ends in /eureka/"

func eurekaURL(into func(*Config) *string) binding {
	return bind("url", eurekaURLRule, into, parseEurekaURL)
}

func eurekaURLs(into func(*Config) *[]string) binding {
	return bind("urls", "must be http or https URLs that end in /eureka/, separated by commas", into, func(s string) ([]string, error) {
		var urls []string
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			u, err := parseEurekaURL(part)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", part, err)
			}
			urls = append(urls, u)
		}
		return urls, nil
	})
}

// parseEurekaURL adds the slash that is easily forgotten, and nothing else: a wrong path would send every client astray.
func parseEurekaURL(s string) (string, error) {
	u, guessed, err := parseURL(s)
	if err != nil {
		return "", err
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	if !strings.HasSuffix(u.Path, "/eureka/") {
		u.Path += "eureka/"
		guessed = true
	}
	if guessed {
		return "", fmt.Errorf("did you mean %s?", u)
	}
	return u.String(), nil
}

func serverURL(into func(*Config) *string) binding {
	return bind("url", "must be an http or https URL, such as http://localhost:8761", into, func(s string) (string, error) {
		u, guessed, err := parseURL(s)
		if err != nil {
			return "", err
		}
		server := u.Scheme + "://" + u.Host
		if guessed {
			return "", fmt.Errorf("did you mean %s?", server)
		}
		return server, nil
	})
}

// parseURL reads an http or https URL. Without a scheme it guesses the one that was meant, which is good for a question only.
func parseURL(s string) (u *url.URL, guessed bool, err error) {
	if guessed = !strings.Contains(s, "://"); guessed {
		s = "http://" + s
	}
	u, err = url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, false, errForm
	}
	if _, number := strconv.Atoi(u.Host); guessed && number == nil { // a port, perhaps, and no host
		return nil, false, errForm
	}
	return u, guessed, nil
}

func credentials(into func(*Config) *string) binding {
	return bind("user:password", "must be user:password", into, func(s string) (string, error) {
		user, password, found := strings.Cut(s, ":")
		if !found || user == "" || password == "" {
			return "", errForm
		}
		return s, nil
	})
}

func databaseURL(into func(*Config) *string) binding {
	const rule = "must be a PostgreSQL URL (postgres://user:password@host/database) or libpq's key=value words"
	return bind("url", rule, into, func(s string) (string, error) {
		_, err := pgstore.ParseURL(s, pgstore.Config{})
		return s, err
	})
}
