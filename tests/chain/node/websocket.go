package main

import (
	"context"
	"net/http"
	"time"

	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/rpc/client/local"
	"github.com/gorilla/websocket"
)

// serveWebSocket answers what serveEVM answers, one request a message.
func serveWebSocket(ctx context.Context, address string, running *node.Node) error {
	client := local.New(running)
	upgrader := websocket.Upgrader{HandshakeTimeout: 5 * time.Second}
	server := &http.Server{
		Addr:              address,
		ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			connection, err := upgrader.Upgrade(writer, request, nil)
			if err != nil {
				// The upgrader has answered.
				return
			}
			defer connection.Close()
			connection.SetReadLimit(1 << 20)
			for {
				var asked evmRequest
				if connection.ReadJSON(&asked) != nil {
					return
				}
				answer := evmAnswer{Version: "2.0", ID: asked.ID}
				answer.Result, answer.Error = answerEVM(ctx, running, client, &asked)
				if connection.WriteJSON(answer) != nil {
					return
				}
			}
		}),
	}
	return serveUntilDone(ctx, server)
}
