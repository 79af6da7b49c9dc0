package main

import (
	"crypto/sha256"
	"encoding/hex"
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
	Included    int     `json:"included"`
	Rejected    int     `json:"rejected"`
	Errors      int     `json:"errors"`
	Pending     int     `json:"pending"`
	FirstHeight int64   `json:"firstHeight"`
	LastHeight  int64   `json:"lastHeight"`
	Seconds     float64 `json:"seconds"`
	ExitCode    int     `json:"exitCode"`
	Outcome     string  `json:"outcome"`
	// ConfigFiles has the sha256 of each file of CONFIG_DIR, so that a test can tell what arrived.
	ConfigFiles map[string]string `json:"configFiles"`
}

func newLoadReport(environment *loadEnvironment) loadReport {
	return loadReport{
		ChainID: environment.chainID, RunID: environment.runID,
		Shard: environment.shard, Shards: environment.shards,
		ConfigFiles: configFiles(environment.configDir),
	}
}

func configFiles(folder string) map[string]string {
	found := map[string]string{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return found
	}
	for _, entry := range entries {
		if text, err := os.ReadFile(filepath.Join(folder, entry.Name())); err == nil {
			sum := sha256.Sum256(text)
			found[entry.Name()] = hex.EncodeToString(sum[:])
		}
	}
	return found
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

// loadMetrics exist from the start with 0, so that `increase` has a first sample.
type loadMetrics struct {
	registry                         *prometheus.Registry
	sent, included, rejected, errors prometheus.Counter
}

func newLoadMetrics(environment *loadEnvironment) *loadMetrics {
	metrics := &loadMetrics{registry: prometheus.NewRegistry()}
	labels := prometheus.Labels{
		"chain_id": environment.chainID, "run_id": environment.runID, "shard": strconv.Itoa(environment.shard),
	}
	counter := func(name, help string) prometheus.Counter {
		made := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels})
		metrics.registry.MustRegister(made)
		return made
	}
	metrics.sent = counter("load_tx_sent_total", "Transactions that were sent, whatever the answer.")
	metrics.included = counter("load_tx_included_total", "Transactions that were found in a block.")
	metrics.rejected = counter("load_tx_rejected_total", "Transactions that the node refused.")
	metrics.errors = counter("load_tx_errors_total", "Transactions that got no answer.")
	return metrics
}

func (m *loadMetrics) serve(address string) error { return serveMetrics(m.registry, address) }

func serveMetrics(registry *prometheus.Registry, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	handler := http.NewServeMux()
	handler.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	// Ends with the process.
	go func() { _ = server.Serve(listener) }()
	return nil
}
