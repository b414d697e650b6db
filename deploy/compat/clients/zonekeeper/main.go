// Command zonekeeper is an application on this project's own Go client.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/clientcfg/eurekaclient"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))

	web, err := clientcfg.NewHTTPSource(strings.Split(os.Getenv("COMPAT_SERVERS"), ","), clientcfg.HTTPConfig{})
	if err != nil {
		log.Fatal(err)
	}
	servers := clientcfg.New(web, clientcfg.Config{Log: logger})
	// The list outlives the signal: the client cancels its lease with it.
	listing, done := context.WithCancel(context.WithoutCancel(ctx))
	defer done()
	go servers.Run(listing) //nolint:errcheck // it returns when its context ends

	interval := time.Duration(number("COMPAT_INTERVAL")) * time.Second
	client, err := eurekaclient.New(eurekaclient.Config{
		Servers: servers,
		Instance: &eureka.Instance{
			App:       os.Getenv("COMPAT_APP"),
			IPAddr:    "127.0.0.1",
			Port:      eureka.Port{Number: number("COMPAT_PORT"), Enabled: true},
			LeaseInfo: eureka.LeaseInfo{RenewalIntervalInSecs: number("COMPAT_INTERVAL"), DurationInSecs: number("COMPAT_LEASE")},
		},
		FetchInterval: interval,
		Log:           logger,
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for range time.Tick(interval) {
			apps := slices.DeleteFunc(client.Applications(), func(app string) bool { return len(eurekaclient.Up(client.Instances(app))) == 0 })
			fmt.Println("sees", strings.Join(apps, " "))
		}
	}()
	client.Run(ctx) //nolint:errcheck // it returns when its context ends
}

func number(name string) int {
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		log.Fatal(name, ": ", err)
	}
	return n
}
