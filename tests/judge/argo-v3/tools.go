//go:build tools

// Package tools keeps the argo command line among the requirements of this module.
package tools

import _ "github.com/argoproj/argo-workflows/v3/cmd/argo"
