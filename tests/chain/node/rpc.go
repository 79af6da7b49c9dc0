package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const callTimeout = 5 * time.Second

// rpcClient asks one Tendermint RPC and remembers when it last answered. Not for concurrent use.
type rpcClient struct {
	url      string
	client   http.Client
	answered time.Time
	failure  error
}

func newRPCClient(url string, now time.Time) *rpcClient {
	return &rpcClient{url: url, client: http.Client{Timeout: callTimeout}, answered: now}
}

// call returns an error when there was no answer, or one that is an error.
func (c *rpcClient) call(ctx context.Context, method string, params, result any) error {
	err := c.ask(ctx, method, params, result)
	if c.failure = err; err == nil {
		c.answered = time.Now()
	}
	return err
}

func (c *rpcClient) ask(ctx context.Context, method string, params, result any) error {
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: status %d: %w", method, response.StatusCode, err)
	}
	if len(answer.Error) > 0 {
		return fmt.Errorf("%s: %s", method, answer.Error)
	}
	return json.Unmarshal(answer.Result, result)
}

func (c *rpcClient) height(ctx context.Context) (int64, error) {
	var status struct {
		SyncInfo struct {
			Height string `json:"latest_block_height"`
		} `json:"sync_info"`
	}
	if err := c.call(ctx, "status", map[string]any{}, &status); err != nil {
		return 0, err
	}
	return strconv.ParseInt(status.SyncInfo.Height, 10, 64)
}

func (c *rpcClient) transactions(ctx context.Context, height int64) ([][]byte, error) {
	var answer struct {
		Block struct {
			Data struct {
				Transactions [][]byte `json:"txs"`
			} `json:"data"`
		} `json:"block"`
	}
	params := map[string]any{"height": strconv.FormatInt(height, 10)}
	err := c.call(ctx, "block", params, &answer)
	return answer.Block.Data.Transactions, err
}

// send reports whether the node accepted the transaction into its mempool.
func (c *rpcClient) send(ctx context.Context, transaction []byte) (bool, error) {
	var answer struct {
		Code int `json:"code"`
	}
	err := c.call(ctx, "broadcast_tx_sync", map[string]any{"tx": transaction}, &answer)
	return err == nil && answer.Code == 0, err
}
