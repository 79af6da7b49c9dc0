package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
)

// seiloadVerb behaves like sei-load: arguments only, no look at the environment, and exit code 0 whatever happened to its
// transactions. It ends with 1 for arguments and profiles that sei-load refuses, for a tracker that cannot connect, and, healthy chain
// or not, when a cap of its rate meets the end of its duration.
func seiloadVerb(ctx context.Context, arguments []string) int {
	options := newSeiloadOptions()
	if err := options.parse(arguments); err != nil {
		options.usage()
		if errors.Is(err, flag.ErrHelp) {
			return exitPassed
		}
		logf("arguments: %v", err)
		return exitFailed
	}
	profile, err := readProfile(options.config)
	if err == nil {
		err = profile.resolve(options)
	}
	if err != nil {
		logf("profile: %v", err)
		return exitFailed
	}
	if err = driveSeiload(ctx, options, profile); ctx.Err() != nil {
		err = nil
	}
	// As in sei-load, SIGTERM does not shorten this, and an error of the run does not spare it.
	time.Sleep(time.Duration(options.settings.PostSummaryFlushDelay))
	if err != nil {
		logf("%v", err)
		return exitFailed
	}
	return exitPassed
}

func driveSeiload(ctx context.Context, options *seiloadOptions, profile *seiloadProfile) error {
	counters := newSeiloadCounters(options.metrics)
	settings := &options.settings
	tracks := settings.TrackBlocks || settings.RampUp || settings.TrackReceipts && !settings.DryRun
	if tracks && len(profile.Endpoints) > 0 {
		if err := connectWebSocket(ctx, profile.Endpoints[0]); err != nil {
			return fmt.Errorf("tracker: %w", err)
		}
	}
	sent := sendRawTransactions(ctx, profile.Endpoints, options, counters)
	logf("summary: %d transactions sent", sent)
	if options.duration > 0 && (settings.TPS > 0 || settings.RampUp) {
		return errors.New("rate limiter: the next send would be behind the end of --duration")
	}
	return nil
}

// webSocketOf is where sei-load looks for an endpoint's WebSocket: at port 8546 in the place of 8545, and at any other port itself.
func webSocketOf(endpoint string) string {
	for _, change := range [][2]string{
		{"http://", "ws://"}, {"https://", "wss://"}, {":8545", ":8546"}, {"evm-rpc", "evm-ws"},
	} {
		endpoint = strings.Replace(endpoint, change[0], change[1], 1)
	}
	return endpoint
}

// connectWebSocket fails unless a whole handshake succeeds.
func connectWebSocket(ctx context.Context, endpoint string) error {
	dialer := websocket.Dialer{HandshakeTimeout: callTimeout}
	address := webSocketOf(endpoint)
	connection, _, err := dialer.DialContext(ctx, address, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return connection.Close()
}

// seiloadCounters are without series until the first event of each, as sei-load's are.
type seiloadCounters struct {
	accepted, rejected *prometheus.CounterVec
}

func newSeiloadCounters(address string) *seiloadCounters {
	registry := prometheus.NewRegistry()
	counters := &seiloadCounters{
		accepted: prometheus.NewCounterVec(
			prometheus.CounterOpts{Name: "seiload_txs_accepted_total"}, []string{"scenario", "operation"}),
		rejected: prometheus.NewCounterVec(
			prometheus.CounterOpts{Name: "seiload_txs_rejected_total"}, []string{"reason", "scenario", "operation"}),
	}
	registry.MustRegister(counters.accepted, counters.rejected)
	if address != "" {
		if err := serveMetrics(registry, address); err != nil {
			logf("metrics: %v", err)
		}
	}
	return counters
}

func (c *seiloadCounters) count(err error) {
	if err == nil {
		c.accepted.WithLabelValues("EVMTransfer", "send").Inc()
		return
	}
	c.rejected.WithLabelValues("rpc", "EVMTransfer", "send").Inc()
}

func sendRawTransactions(
	ctx context.Context, endpoints []string, options *seiloadOptions, counters *seiloadCounters,
) int {
	if options.duration > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, options.duration)
		defer stop()
	}
	clients := make([]*rpcClient, 0, len(endpoints))
	for _, endpoint := range endpoints {
		clients = append(clients, newRPCClient(endpoint, time.Now()))
	}
	rate := options.settings.TPS
	if rate <= 0 || rate > 100 {
		// sei-load reads 0 as "as fast as possible", which would starve everything else on a test machine.
		rate = 10
	}
	ticker := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer ticker.Stop()
	for sent := 0; ; {
		select {
		case <-ctx.Done():
			return sent
		case <-ticker.C:
		}
		if options.settings.DryRun {
			counters.count(nil)
			sent++
			continue
		}
		raw := make([]byte, 32)
		_, _ = rand.Read(raw)
		var hash string
		params := []string{"0x" + hex.EncodeToString(raw)}
		counters.count(clients[sent%len(clients)].call(ctx, "eth_sendRawTransaction", params, &hash))
		sent++
	}
}
