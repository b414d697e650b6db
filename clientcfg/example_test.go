package clientcfg_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/zonekeeper/zonekeeper/clientcfg"
)

// A program that was given one server at its start, and the file it wrote last
// time.
func Example() {
	zonekeeper := exampleServer()
	defer zonekeeper.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	web, err := clientcfg.NewHTTPSource([]string{zonekeeper.URL + "/eureka/"}, clientcfg.HTTPConfig{})
	if err != nil {
		log.Fatal(err)
	}
	file := clientcfg.NewFileSource(filepath.Join(dir, "servers.list"))
	client := clientcfg.New(clientcfg.Sources(web, file), clientcfg.Config{Zone: "zone-b"})

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	go client.Run(ctx)
	if err := client.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.DefaultZone())
	// Output: http://10.0.0.2:8761/eureka/,http://10.0.0.1:8761/eureka/
}

// One call that goes on to the next server when one fails.
func ExampleClient_Attempts() {
	client := clientcfg.New(clientcfg.Fixed{{URL: "http://10.0.0.1:8761/eureka/"}, {URL: "http://10.0.0.2:8761/eureka/"}}, clientcfg.Config{})
	if err := client.Refresh(context.Background()); err != nil {
		log.Fatal(err)
	}
	call := func(clientcfg.Server) error { return nil } // yours

	servers, err := client.Attempts()
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range servers {
		if err := call(s); err != nil {
			client.Failed(s)
			continue
		}
		client.Worked(s)
		fmt.Println("done")
		break
	}
	// Output: done
}

// Whoever must hear of new servers, to rewrite a file or restart a process,
// asks to be called.
func ExampleClient_OnChange() {
	client := clientcfg.New(clientcfg.Fixed{{URL: "http://10.0.0.1:8761/eureka/"}}, clientcfg.Config{})
	stop := client.OnChange(func(l clientcfg.ServerList) {
		fmt.Print(string(l.Render(clientcfg.Env, "")))
	})
	defer stop()
	if err := client.Refresh(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output: EUREKA_DEFAULT_ZONE=http://10.0.0.1:8761/eureka/
}

// resolver hands the name servers to rocketmq-client-go: give it to
// producer.WithNsResolver or consumer.WithNsResolver, which take any type with
// these two methods. The client asks it at its start, ten seconds later, and
// then every two minutes, and holds up route look-ups meanwhile: this one
// answers from memory.
type resolver struct{ client *clientcfg.Client }

// Resolve returns the name servers known now; never none after some.
func (r resolver) Resolve() []string { return r.client.Namesrvs() }

// Description is what rocketmq-client-go says in its errors.
func (r resolver) Description() string { return "name servers of Zonekeeper" }

// The name servers of the same cluster, for RocketMQ's Go client, which then
// follows them wherever they move.
func ExampleClient_namesrvResolver() {
	client := clientcfg.New(clientcfg.Fixed{
		{URL: "http://10.0.0.1:8761/eureka/", Namesrv: "10.0.0.1:9876", NamesrvPhase: "serving"},
		{URL: "http://10.0.0.2:8761/eureka/", Namesrv: "10.0.0.2:9876", NamesrvPhase: "serving"},
		{URL: "http://10.0.0.3:8761/eureka/", Namesrv: "10.0.0.3:9876", NamesrvPhase: "joining"},
	}, clientcfg.Config{})
	if err := client.Refresh(context.Background()); err != nil {
		log.Fatal(err)
	}
	var r interface { // primitive.NsResolver of github.com/apache/rocketmq-client-go/v2
		Resolve() []string
		Description() string
	} = resolver{client}
	fmt.Println(r.Resolve())
	fmt.Println(client.NamesrvAddr()) // for everybody else who takes a namesrvAddr
	// Output:
	// [10.0.0.1:9876 10.0.0.2:9876]
	// 10.0.0.1:9876;10.0.0.2:9876
}

func exampleServer() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"servers":[{"url":"http://10.0.0.1:8761/eureka/","zone":"zone-a"},{"url":"http://10.0.0.2:8761/eureka/","zone":"zone-b"}]}`)
	}))
}
