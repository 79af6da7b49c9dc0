package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// loadReport is what a shard writes to RESULT_DIR.
type loadReport struct {
	ChainID     string  `json:"chainId"`
	RunID       string  `json:"runId"`
	Shard       int     `json:"shard"`
	Shards      int     `json:"shards"`
	Sent        int     `json:"sent"`
	Accepted    int     `json:"accepted"`
	Included    int     `json:"included"`
	Reverted    int     `json:"reverted"`
	Rejected    int     `json:"rejected"`
	Errors      int     `json:"errors"`
	Pending     int     `json:"pending"`
	Heads       int     `json:"heads"`
	FirstHeight int64   `json:"firstHeight"`
	LastHeight  int64   `json:"lastHeight"`
	Seconds     float64 `json:"seconds"`
	ExitCode    int     `json:"exitCode"`
	Outcome     string  `json:"outcome"`
}

func newLoadReport(environment *loadEnvironment) loadReport {
	return loadReport{
		ChainID: environment.chainID, RunID: environment.runID,
		Shard: environment.shard, Shards: environment.shards,
	}
}

// write does nothing without a folder.
func (r *loadReport) write(folder string) error {
	if folder == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "load-report.json"), append(text, '\n'), 0o644)
}

// loadMetrics have no series until the first event of each, as sei-load's have none.
type loadMetrics struct {
	registry                                              *prometheus.Registry
	accepted, included, reverted, rejected, errors, heads *prometheus.CounterVec
}

func newLoadMetrics(environment *loadEnvironment) *loadMetrics {
	metrics := &loadMetrics{registry: prometheus.NewRegistry()}
	labels := prometheus.Labels{
		"chain_id": environment.chainID, "run_id": environment.runID, "shard": strconv.Itoa(environment.shard),
	}
	counter := func(name, help string, own ...string) *prometheus.CounterVec {
		options := prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}
		made := prometheus.NewCounterVec(options, own)
		metrics.registry.MustRegister(made)
		return made
	}
	metrics.accepted = counter("evmload_txs_accepted_total", "Transactions that the node took.")
	metrics.included = counter("evmload_txs_included_total", "Transactions with a receipt of success.")
	metrics.reverted = counter("evmload_txs_reverted_total", "Transactions with a receipt of failure.")
	metrics.rejected = counter("evmload_txs_rejected_total", "Transactions that the node refused.", "reason")
	metrics.errors = counter("evmload_txs_errors_total", "Transactions that got no answer.")
	metrics.heads = counter("evmload_heads_total", "Block headers that came over the WebSocket.")
	return metrics
}

func (m *loadMetrics) count(counter *prometheus.CounterVec, own ...string) {
	counter.WithLabelValues(own...).Inc()
}

func (m *loadMetrics) serve(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	handler := http.NewServeMux()
	handler.Handle("/metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	// Ends with the process.
	go func() { _ = server.Serve(listener) }()
	return nil
}
