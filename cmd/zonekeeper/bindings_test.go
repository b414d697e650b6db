package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What is suggested for an address is accepted.
func TestAddressesMeant(t *testing.T) {
	server := serverURL(func(c *Config) *string { return &c.Ask.Server })
	eureka := eurekaURL(func(c *Config) *string { return &c.AdvertiseURL })
	for _, row := range []struct {
		binding      binding
		given, meant string // nothing meant: there is no telling
	}{
		{server, "localhost:38761", "http://localhost:38761"},
		{server, "127.0.0.1:38761", "http://127.0.0.1:38761"},
		{server, "[::1]:38761", "http://[::1]:38761"},
		{server, "zk1", "http://zk1"},
		{server, "zk1:8761/eureka/", "http://zk1:8761"},
		{server, "38761", ""},
		{server, ":38761", ""},
		{server, "ftp://zk1", ""},
		{eureka, "localhost:8761", "http://localhost:8761/eureka/"},
		{eureka, "10.0.0.1:8761", "http://10.0.0.1:8761/eureka/"},
		{eureka, "10.0.0.1:8761/eureka", "http://10.0.0.1:8761/eureka/"},
		{eureka, "https://zk1", "https://zk1/eureka/"},
		{eureka, "8761", ""},
	} {
		var c Config
		err := row.binding.set(&c, row.given)
		if row.meant == "" {
			require.ErrorIs(t, err, errForm, row.given)
			continue
		}
		require.EqualError(t, err, "did you mean "+row.meant+"?", row.given)
		require.NoError(t, row.binding.set(&c, row.meant))
	}
}
