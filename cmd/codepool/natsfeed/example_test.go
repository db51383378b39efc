package natsfeed_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"codepool/cmd/codepool/natsfeed"
	"codepool/store"

	"github.com/nats-io/nats.go/jetstream"
)

// A server that holds a store feeds a stream beside its redemptions, for as long as it runs,
// and whoever grants rewards consumes it.
func ExampleRun() {
	dir, err := os.MkdirTemp("", "codepool")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	url, stop, err := startServer(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer stop()

	ctx := context.Background()
	s, err := store.Open(dir+"/store", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	b, err := s.Mint(ctx, store.Batch{Name: "launch", Count: 100, Reward: "svip:30d", FromStock: true})
	if err != nil {
		log.Fatal(err)
	}

	nc, err := natsfeed.Dial(url, "")
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	shutdown := errors.New("shutdown")
	feeding, end := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	ready := make(chan bool, 100)
	go func() {
		ended <- natsfeed.Run(feeding, s, nc, natsfeed.Config{
			Stream: "CODEPOOL", Subject: "codepool.receipts", Create: true, Follow: true,
			Progress: func(natsfeed.Progress) { ready <- true },
			Trouble:  func(err error) { log.Println("feed waits, or not any more:", err) },
		})
	}()

	for _, user := range []string{"ann", "ben", "cat"} { // the server's work
		if _, err := s.Take(ctx, b.ID, 1, user, store.To("order of "+user)); err != nil {
			log.Fatal(err)
		}
	}

	<-ready // the stream is there
	js, err := jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	c, err := js.CreateOrUpdateConsumer(ctx, "CODEPOOL", jetstream.ConsumerConfig{Durable: "mailer"})
	if err != nil {
		log.Fatal(err)
	}
	for range 3 {
		m, err := c.Next()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(grant(m))
	}
	end(shutdown)
	fmt.Println(<-ended)
	// Output:
	// svip:30d for ann
	// svip:30d for ben
	// svip:30d for cat
	// shutdown
}
