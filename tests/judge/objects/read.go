package main

// From paths to objects: finding files, splitting documents, strict YAML.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// findFiles returns each *.yaml and *.yml below the paths once, sorted.
// A path may be a file itself.
func findFiles(paths []string) ([]string, error) {
	var files []string
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			extension := filepath.Ext(path)
			if !entry.IsDir() && (extension == ".yaml" || extension == ".yml") {
				files = append(files, filepath.Clean(path))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// splitDocuments cuts a YAML stream at its `---` lines.
// Documents that hold nothing but comments are dropped.
func splitDocuments(text []byte) ([][]byte, error) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	var documents [][]byte
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		if !isEmpty(document) {
			documents = append(documents, document)
		}
	}
}

func isEmpty(document []byte) bool {
	var value any
	return yaml.Unmarshal(document, &value) == nil && value == nil
}

// readObject reads one YAML document the way kubectl and the API server do.
// Whole numbers become int64, and a key that stands twice is an error.
func readObject(document []byte) (map[string]any, error) {
	asJSON, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, err
	}
	var value any
	if err := utiljson.Unmarshal(asJSON, &value); err != nil {
		return nil, err
	}
	object, isObject := value.(map[string]any)
	if !isObject {
		return nil, fmt.Errorf("not an object but %T", value)
	}
	return object, nil
}
