package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// seiloadProfile is the part of a sei-load profile that the stand-in reads.
type seiloadProfile struct {
	Endpoints []string `json:"endpoints"`
	Settings  struct {
		TPS float64 `json:"tps"`
	} `json:"settings"`
}

// seiloadVerb behaves like sei-load: arguments only, no look at the environment, and exit code 0 whatever happened once
// it runs; only a profile that cannot be read ends it with 1.
func seiloadVerb(ctx context.Context, arguments []string) int {
	flags := flag.NewFlagSet("chain seiload", flag.ContinueOnError)
	file := flags.String("config", "", "profile, JSON")
	duration := flags.Duration("duration", 0, "how long to send; 0 until SIGTERM")
	metrics := flags.String("metrics-addr", ":9090", "address of /metrics; empty for none")
	flush := flags.Duration("post-summary-flush-delay", 0, "how long to stay after the summary")
	// Known to sei-load; without meaning here.
	flags.Bool("track-receipts", false, "ignored")
	if code, ok := parse(flags, arguments); !ok {
		return code
	}
	var profile seiloadProfile
	text, err := os.ReadFile(*file)
	if err == nil {
		err = json.Unmarshal(text, &profile)
	}
	if err != nil {
		logf("profile: %v", err)
		return exitFailed
	}
	accepted, rejected := seiloadCounters(*metrics)
	sent := sendRawTransactions(ctx, &profile, *duration, accepted, rejected)
	logf("summary: %d transactions sent", sent)
	// As in sei-load, SIGTERM does not shorten this.
	time.Sleep(*flush)
	return exitPassed
}

func seiloadCounters(address string) (prometheus.Counter, prometheus.Counter) {
	registry := prometheus.NewRegistry()
	accepted := prometheus.NewCounterVec(
		prometheus.CounterOpts{Name: "seiload_txs_accepted_total"}, []string{"scenario", "operation"})
	rejected := prometheus.NewCounterVec(
		prometheus.CounterOpts{Name: "seiload_txs_rejected_total"}, []string{"reason", "scenario", "operation"})
	registry.MustRegister(accepted, rejected)
	if address != "" {
		if err := serveMetrics(registry, address); err != nil {
			logf("metrics: %v", err)
		}
	}
	return accepted.WithLabelValues("EVMTransfer", "send"), rejected.WithLabelValues("rpc", "EVMTransfer", "send")
}

func sendRawTransactions(
	ctx context.Context, profile *seiloadProfile, duration time.Duration, accepted, rejected prometheus.Counter,
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
		if err := clients[sent%len(clients)].call(ctx, "eth_sendRawTransaction", params, &hash); err != nil {
			rejected.Inc()
		} else {
			accepted.Inc()
		}
		sent++
	}
}
