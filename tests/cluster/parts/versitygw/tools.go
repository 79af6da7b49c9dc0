//go:build tools

// Package tools names the S3 server that a test starts, so that go.mod and go.sum hold what it needs.
package tools

import _ "github.com/versity/versitygw/cmd/versitygw"
