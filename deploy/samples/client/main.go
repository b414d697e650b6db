// Command client is a small application that lives on Zonekeeper: it registers,
// says who else is there, and goes on while servers come and go. It is the
// sample client of docker-compose.yml and a thing to copy from.
//
//	ZONEKEEPER_URL=http://localhost:8761/eureka/ APP=ORDERS go run ./deploy/samples/client
//
// Environment: ZONEKEEPER_URL (some servers, or one name for all), APP, ZONE,
// HOST and PORT under which others reach it (PORT 0 finds a free one), CACHE (a
// file for the server list; none if empty).
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/clientcfg/eurekaclient"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(ctx, log); err != nil {
		log.Error("stopped", "err", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, log *slog.Logger) error {
	servers, err := followServers(log)
	if err != nil {
		return err
	}
	// The list is kept fresh until after the client has said goodbye.
	listing, done := context.WithCancel(context.WithoutCancel(ctx))
	defer done()
	go servers.Run(listing) //nolint:errcheck // it returns when its context ends

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", ":"+env("PORT", "0"))
	if err != nil {
		return fmt.Errorf("serve the application: %w", err)
	}
	app := &http.Server{Handler: http.HandlerFunc(hello), ReadHeaderTimeout: 5 * time.Second}
	go app.Serve(listener) //nolint:errcheck // it returns when the program ends
	defer app.Close()

	client, err := eurekaclient.New(eurekaclient.Config{
		Servers:       servers,
		Instance:      instance(ctx, listener.Addr()),
		FetchInterval: 5 * time.Second,
		Log:           log,
	})
	if err != nil {
		return err
	}
	go report(ctx, client, servers, log)
	if err := client.Run(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// followServers starts from what the environment names, and from the list that
// the last run left.
func followServers(log *slog.Logger) (*clientcfg.Client, error) {
	seeds := strings.Split(env("ZONEKEEPER_URL", "http://localhost:8761/eureka/"), ",")
	web, err := clientcfg.NewHTTPSource(seeds, clientcfg.HTTPConfig{})
	if err != nil {
		return nil, err
	}
	sources := []clientcfg.Source{web}
	if path := os.Getenv("CACHE"); path != "" {
		sources = append(sources, clientcfg.NewFileSource(path))
	}
	servers := clientcfg.New(clientcfg.Sources(sources...), clientcfg.Config{Zone: os.Getenv("ZONE"), Log: log})
	servers.OnChange(func(l clientcfg.ServerList) { log.Info("servers", "defaultZone", l.DefaultZone(os.Getenv("ZONE"))) })
	return servers, nil
}

// instance says who we are. The address is HOST, or else that of the machine's
// name, which is what a container's network knows it by.
func instance(ctx context.Context, listening net.Addr) *eureka.Instance {
	host := env("HOST", hostName())
	ip := host
	if found, err := net.DefaultResolver.LookupHost(ctx, host); err == nil && len(found) > 0 {
		ip = found[0]
	}
	in := &eureka.Instance{
		App:       env("APP", "SAMPLE"),
		HostName:  host,
		IPAddr:    ip,
		Port:      eureka.Port{Number: listening.(*net.TCPAddr).Port, Enabled: true},
		LeaseInfo: eureka.LeaseInfo{RenewalIntervalInSecs: 10, DurationInSecs: 30},
	}
	if zone := os.Getenv("ZONE"); zone != "" {
		in.Metadata = eureka.Metadata{{Key: "zone", Value: zone}}
	}
	in.HomePageURL = "http://" + net.JoinHostPort(host, strconv.Itoa(in.Port.Number)) + "/"
	return in
}

// report says who is there, each time that this changes for one of our own
// fellows, and every minute.
func report(ctx context.Context, client *eurekaclient.Client, servers *clientcfg.Client, log *slog.Logger) {
	fellows := client.Watch(ctx, client.Instance().App)
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case all, open := <-fellows:
			if !open {
				return
			}
			log.Info("fellows", "app", client.Instance().App, "up", len(eurekaclient.Up(all)))
		case <-minute.C:
			log.Info("applications", "apps", client.Applications(), "peer", client.Status().Server, "servers", len(servers.Servers().Servers))
		}
	}
}

func hello(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "hello from", env("APP", "SAMPLE"))
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

func env(name, otherwise string) string { return cmp.Or(os.Getenv(name), otherwise) }
