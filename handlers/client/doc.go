// Package client is chatd's Go SDK.
//
// A [Session] is one WebSocket connection with nothing hidden: for tests, for
// load tools, for whoever wants to see every frame. A [Room] is what most
// programs want: it follows one room and posts in it, across lost connections
// and restarts of the server, with every change once and in order. An [API]
// calls REST.
//
//	room := client.NewRoom("http://localhost:8080", client.Options{Room: "lobby", Name: "Ana"})
//	go room.Run(ctx, func(e client.Event) {
//		if e.Type == wire.TypeChat {
//			fmt.Println(e.Message.From.Name, e.Message.Message.Message)
//		}
//	})
//	ack, err := room.Post(ctx, "Hello")
//
// The package knows the protocol (package wire) and nothing else of chatd's.
package client
