package eurekaclient_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/clientcfg/eurekaclient"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// exampleHTTP stands for the servers at zk-1 and zk-2.
var exampleHTTP = newCluster("zk-1", "zk-2").client()

// A program that is found under the name of ORDERS and looks for its fellows.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())

	web, err := clientcfg.NewHTTPSource([]string{"http://zk-1:8761/eureka/"}, clientcfg.HTTPConfig{HTTP: exampleHTTP})
	if err != nil {
		log.Fatal(err)
	}
	servers := clientcfg.New(web, clientcfg.Config{})
	go servers.Run(ctx)

	client, err := eurekaclient.New(eurekaclient.Config{
		Servers: servers,
		Instance: &eureka.Instance{
			App:       "ORDERS",
			IPAddr:    "10.0.0.9",
			Port:      eureka.Port{Number: 8080, Enabled: true},
			LeaseInfo: eureka.LeaseInfo{RenewalIntervalInSecs: 10, DurationInSecs: 30},
		},
		FetchInterval: 100 * time.Millisecond,
		HTTP:          exampleHTTP,
	})
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- client.Run(ctx) }()

	for instances := range client.Watch(ctx, "orders") {
		if len(instances) == 0 {
			continue // not registered yet
		}
		for _, in := range eurekaclient.Up(instances) {
			fmt.Println(in.App, in.IPAddr, in.Port.Number)
		}
		break
	}

	cancel() // Run cancels the lease before it returns
	fmt.Println(<-done)
	// Output:
	// ORDERS 10.0.0.9 8080
	// context canceled
}

// The shortest form: the lines of the README, with what a program does about
// errors.
func Example_short() {
	ctx := context.Background()

	web, err := clientcfg.NewHTTPSource([]string{"http://localhost:8761/eureka/"}, clientcfg.HTTPConfig{})
	if err != nil {
		log.Fatal(err)
	}
	servers := clientcfg.New(web, clientcfg.Config{})
	go servers.Run(ctx)
	client, err := eurekaclient.New(eurekaclient.Config{Servers: servers, Instance: &eureka.Instance{
		App: "ORDERS", IPAddr: "127.0.0.1", Port: eureka.Port{Number: 8080, Enabled: true}}})
	if err != nil {
		log.Fatal(err)
	}
	client.Run(ctx) // registers, renews, fetches; cancels when ctx ends
}
