package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cometbft/cometbft/crypto/tmhash"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/rpc/client/local"
	"github.com/cometbft/cometbft/types"
)

// evmChainID is the one that Sei's development chains use.
const evmChainID = 713714

type evmRequest struct {
	ID     json.RawMessage   `json:"id"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
}

type evmError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

type evmAnswer struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *evmError       `json:"error,omitempty"`
}

func serveEVM(ctx context.Context, address string, running *node.Node) error {
	client := local.New(running)
	server := &http.Server{
		Addr:              address,
		ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			var asked evmRequest
			if err := json.NewDecoder(http.MaxBytesReader(writer, request.Body, 1<<20)).Decode(&asked); err != nil {
				http.Error(writer, err.Error(), http.StatusBadRequest)
				return
			}
			answer := evmAnswer{Version: "2.0", ID: asked.ID}
			result, err := answerEVM(request.Context(), running, client, &asked)
			if err != nil {
				answer.Error = err
			} else {
				answer.Result = result
			}
			writer.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(writer).Encode(answer)
		}),
	}
	return serveUntilDone(ctx, server)
}

// serveUntilDone ends without an error when the context is done.
func serveUntilDone(ctx context.Context, server *http.Server) error {
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	err := server.ListenAndServe()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// answerEVM knows just enough for a probe and for a generator that sends raw transactions: their bytes are stored, not
// executed.
func answerEVM(
	ctx context.Context, running *node.Node, client *local.Local, asked *evmRequest,
) (any, *evmError) {
	switch asked.Method {
	case "eth_blockNumber":
		return fmt.Sprintf("0x%x", running.BlockStore().Height()), nil
	case "eth_chainId":
		return fmt.Sprintf("0x%x", evmChainID), nil
	case "net_version":
		return fmt.Sprint(evmChainID), nil
	case "eth_sendRawTransaction":
		return sendRaw(ctx, client, asked.Params)
	}
	return nil, &evmError{-32601, "the method " + asked.Method + " does not exist/is not available"}
}

func sendRaw(ctx context.Context, client *local.Local, params []json.RawMessage) (any, *evmError) {
	var text string
	if len(params) != 1 || json.Unmarshal(params[0], &text) != nil {
		return nil, &evmError{-32602, "one hex string is needed"}
	}
	raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil || len(raw) == 0 {
		return nil, &evmError{-32602, "one hex string is needed"}
	}
	hash := hex.EncodeToString(tmhash.Sum(raw))
	result, err := client.BroadcastTxSync(ctx, types.Tx("evm-"+hash+"=sent"))
	if err != nil {
		return nil, &evmError{-32000, err.Error()}
	}
	if result.Code != 0 {
		return nil, &evmError{-32000, fmt.Sprintf("rejected with code %d", result.Code)}
	}
	return "0x" + hash, nil
}
