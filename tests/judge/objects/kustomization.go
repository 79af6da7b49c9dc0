package main

// kustomization.yaml, read by kustomize's own types.

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

func isKustomization(path, key string) bool {
	return key == "" && filepath.Base(path) == "kustomization.yaml"
}

// judgeKustomization checks fields, version and kind, and that each resource lies in the folder.
func judgeKustomization(path string, object map[string]any) []string {
	text, err := yaml.Marshal(object)
	if err != nil {
		return []string{err.Error()}
	}
	var kustomization types.Kustomization
	if err := kustomization.Unmarshal(text); err != nil {
		return []string{err.Error()}
	}
	var messages []string
	if kustomization.APIVersion != types.KustomizationVersion || kustomization.Kind != types.KustomizationKind {
		messages = append(messages, fmt.Sprintf("must be %s %s", types.KustomizationVersion, types.KustomizationKind))
	}
	if len(kustomization.Resources) == 0 {
		messages = append(messages, "resources: names nothing")
	}
	for i, resource := range kustomization.Resources {
		if !filepath.IsLocal(resource) {
			messages = append(messages, fmt.Sprintf("resources[%d]: %q is not in this folder", i, resource))
		} else if _, err := os.Stat(filepath.Join(filepath.Dir(path), resource)); err != nil {
			messages = append(messages, fmt.Sprintf("resources[%d]: %q does not exist", i, resource))
		}
	}
	return messages
}
