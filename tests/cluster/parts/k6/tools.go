//go:build tools

// Package tools names the k6 that the tests start, so that go.mod and go.sum hold what it needs.
package tools

import _ "go.k6.io/k6"
