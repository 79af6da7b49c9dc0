//go:build tools

// Package tools names the Prometheus that the tests start, so that go.mod and go.sum hold what it needs.
package tools

import (
	_ "github.com/prometheus/prometheus/cmd/prometheus"
	_ "github.com/prometheus/prometheus/cmd/promtool"
)
