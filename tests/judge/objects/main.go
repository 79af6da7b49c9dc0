// Command objects judges every object in *.yaml files as an API server would, without a cluster.
//
// Here lies the command line and the report.
// What an object must look like is in catalog.go and kind.go, the walk over files and bundles in judge.go.
// References between Argo templates are not looked at: that is the work of `argo lint`.
//
// The report is JSON on standard output, one entry per object.
// The exit code tells only whether a report was written: 0 yes, 3 no.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

// Judgement is the report's entry for one object, or for a text that could not be read as one.
type Judgement struct {
	File string `json:"file"`
	// Key is the ConfigMap data key that holds the object; empty for an object of its own.
	Key        string `json:"key"`
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	// Depth says how much of the object was judged: "full", "metadata only" or "nothing".
	Depth  string   `json:"depth"`
	Errors []string `json:"errors"`
}

func main() {
	crds := flag.String("crds", "", "folder of Argo's full CustomResourceDefinitions")
	openAPI := flag.String("openapi", "", "folder of Kubernetes' OpenAPI v3 documents")
	flag.Parse()
	report, err := run(*crds, *openAPI, flag.Args())
	if err == nil {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", " ")
		err = encoder.Encode(report)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "objects:", err)
		os.Exit(3)
	}
}

func run(crds, openAPI string, paths []string) ([]Judgement, error) {
	for _, folder := range []string{crds, openAPI} {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("-crds and -openapi must name folders, got %q", folder)
		}
	}
	files, err := findFiles(paths)
	if err != nil {
		return nil, err
	}
	judge := judge{catalog: newCatalog(crds, openAPI), defined: map[identity]string{}}
	report := []Judgement{}
	for _, file := range files {
		report = append(report, judge.file(file)...)
	}
	return report, nil
}
