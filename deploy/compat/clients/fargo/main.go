// Command fargo is an application on github.com/hudl/fargo, which leaves
// registering, renewing and what to do about a 404 to its user.
package main

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hudl/fargo"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)

	interval := time.Duration(number("COMPAT_INTERVAL")) * time.Second
	conn := fargo.NewConn(strings.Split(strings.ReplaceAll(os.Getenv("COMPAT_SERVERS"), "/eureka/", "/eureka"), ",")...)
	conn.PollInterval = interval
	fargo.HttpClient.Timeout = 5 * time.Second
	app, port := os.Getenv("COMPAT_APP"), number("COMPAT_PORT")
	instance := &fargo.Instance{
		InstanceId:     fmt.Sprintf("127.0.0.1:%s:%d", strings.ToLower(app), port),
		HostName:       "127.0.0.1",
		IPAddr:         "127.0.0.1",
		App:            app,
		VipAddress:     strings.ToLower(app),
		Port:           port,
		PortEnabled:    true,
		Status:         fargo.UP,
		CountryId:      1,
		DataCenterInfo: fargo.DataCenterInfo{Name: fargo.MyOwn},
		LeaseInfo:      fargo.LeaseInfo{RenewalIntervalInSecs: int32(number("COMPAT_INTERVAL")), DurationInSecs: int32(number("COMPAT_LEASE"))},
		UniqueID:       func(i fargo.Instance) string { return i.InstanceId },
	}
	if err := conn.RegisterInstance(instance); err != nil {
		log.Print("register: ", err)
	}

	beat := time.NewTicker(interval)
	defer beat.Stop()
	for {
		select {
		case <-stop:
			// Each call picks one of the servers at random and never tries another.
			for range 5 {
				if err := conn.DeregisterInstance(instance); err == nil {
					return
				}
			}
			log.Fatal("not cancelled")
		case <-beat.C:
			err := conn.HeartBeatInstance(instance)
			if code, ok := fargo.HTTPResponseStatusCode(err); ok && code == http.StatusNotFound {
				err = errors.Join(err, conn.ReregisterInstance(instance))
			}
			if err != nil {
				log.Print("renew: ", err)
			}
			see(conn)
		}
	}
}

func see(conn fargo.EurekaConnection) {
	apps, err := conn.GetApps()
	if err != nil {
		log.Print("fetch: ", err)
		return
	}
	var names []string
	for name, app := range apps {
		if slices.ContainsFunc(app.Instances, func(i *fargo.Instance) bool { return i.Status == fargo.UP }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	fmt.Println("sees", strings.Join(names, " "))
}

func number(name string) int {
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		log.Fatal(name, ": ", err)
	}
	return n
}
