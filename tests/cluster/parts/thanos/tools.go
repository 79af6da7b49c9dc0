//go:build tools

// Package tools names the Thanos that the tests start, so that go.mod and go.sum hold what it needs.
package tools

import _ "github.com/thanos-io/thanos/cmd/thanos"
