package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// seiloadVerb behaves like sei-load: arguments only, no look at the environment, and exit code 0 whatever happened to its
// transactions. It ends with 1 for a profile that cannot be read, has a key that it does not know, no settings or no endpoints, for
// a tracker that cannot connect, and, healthy chain or not, when a cap of its rate meets the end of its duration.
func seiloadVerb(ctx context.Context, arguments []string) int {
	flags := flag.NewFlagSet("chain seiload", flag.ContinueOnError)
	file := flags.String("config", "", "profile, JSON")
	duration := flags.Duration("duration", 0, "how long to send; 0 until SIGTERM")
	metrics := flags.String("metricsListenAddr", ":9090", "address of /metrics; empty for none")
	flush := flags.Duration("post-summary-flush-delay", 0, "how long to stay after the summary")
	receipts := flags.Bool("track-receipts", false, "connect to the endpoints' WebSockets")
	if code, ok := parse(flags, arguments); !ok {
		return code
	}
	profile, err := readProfile(*file)
	if err != nil {
		logf("profile: %v", err)
		return exitFailed
	}
	counters := newSeiloadCounters(*metrics)
	if *receipts || profile.Settings.TrackBlocks || profile.Settings.TrackReceipts {
		if err := connectWebSockets(ctx, profile.Endpoints); err != nil {
			logf("tracker: %v", err)
			return exitFailed
		}
	}
	sent := sendRawTransactions(ctx, profile, *duration, counters)
	logf("summary: %d transactions sent", sent)
	if *duration > 0 && profile.Settings.TPS > 0 && ctx.Err() == nil {
		logf("rate limiter: the next send would be behind the end of --duration")
		return exitFailed
	}
	// As in sei-load, SIGTERM does not shorten this.
	time.Sleep(*flush)
	return exitPassed
}

// connectWebSockets looks for each endpoint's WebSocket where sei-load does: at port 8546 of the same host.
func connectWebSockets(ctx context.Context, endpoints []string) error {
	dialer := net.Dialer{Timeout: callTimeout}
	for _, endpoint := range endpoints {
		address, err := url.Parse(strings.Replace(endpoint, ":8545", ":8546", 1))
		if err != nil {
			return err
		}
		connection, err := dialer.DialContext(ctx, "tcp", address.Host)
		if err != nil {
			return err
		}
		_ = connection.Close()
	}
	return nil
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
	ctx context.Context, profile *seiloadProfile, duration time.Duration, counters *seiloadCounters,
) int {
	if duration > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, duration)
		defer stop()
	}
	clients := make([]*rpcClient, 0, len(profile.Endpoints))
	for _, endpoint := range profile.Endpoints {
		clients = append(clients, newRPCClient(endpoint, time.Now()))
	}
	rate := profile.Settings.TPS
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
		if len(clients) == 0 {
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
