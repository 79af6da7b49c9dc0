//go:build tools

// Package tools names the programs of the older line of Argo that the test cluster builds, so that go.mod and go.sum hold what they need.
package tools

import (
	_ "github.com/argoproj/argo-workflows/v3/cmd/argoexec"
	_ "github.com/argoproj/argo-workflows/v3/cmd/workflow-controller"
)
