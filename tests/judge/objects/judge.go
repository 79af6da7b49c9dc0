package main

// The walk: files, the documents in them, and the objects inside bundles.

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A ConfigMap whose name contains this is a bundle, see bundleKey.
const bundleMark = "-bundle-"

// bundleKey matches the data keys of a bundle that hold Kubernetes objects.
var bundleKey = regexp.MustCompile(`^(job|chain\..+)\.yaml$`)

// placeholder is a value that is filled in at run time.
// Before a bundle's object is judged, each becomes a text that is legal as a name, a label and a quantity.
var placeholder = regexp.MustCompile(`\$\{[^{}]*\}`)

const placeholderValue = "1"

// identity is what may stand only once in a folder: kustomize refuses a second object of the same identity.
type identity struct{ folder, apiVersion, kind, namespace, name string }

type judge struct {
	catalog *catalog
	defined map[identity]string
}

// file judges each document; a file that cannot be read or holds none is an entry with an error.
func (j *judge) file(path string) []Judgement {
	text, err := os.ReadFile(path)
	if err != nil {
		return []Judgement{unreadable(path, "", err)}
	}
	documents, err := splitDocuments(text)
	if err != nil {
		return []Judgement{unreadable(path, "", err)}
	}
	if len(documents) == 0 {
		return []Judgement{unreadable(path, "", fmt.Errorf("no object in this file"))}
	}
	var report []Judgement
	for _, document := range documents {
		object, err := readObject(document)
		if err != nil {
			report = append(report, unreadable(path, "", err))
			continue
		}
		judgement := j.object(path, "", object)
		judgement.Errors = append(judgement.Errors, j.define(path, object)...)
		report = append(report, judgement)
		report = append(report, j.bundle(path, object)...)
	}
	return report
}

// bundle judges the objects inside a bundle; any other object has none.
func (j *judge) bundle(path string, object map[string]any) []Judgement {
	name := nested(object, "metadata", "name")
	if object["apiVersion"] != "v1" || object["kind"] != "ConfigMap" || !strings.Contains(name, bundleMark) {
		return nil
	}
	data, _ := object["data"].(map[string]any)
	keys := make([]string, 0, len(data))
	for key := range data {
		if bundleKey.MatchString(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var report []Judgement
	for _, key := range keys {
		text, _ := data[key].(string)
		report = append(report, j.bundleEntry(path, key, text)...)
	}
	return report
}

func (j *judge) bundleEntry(path, key, text string) []Judgement {
	documents, err := splitDocuments([]byte(text))
	if err == nil && len(documents) != 1 {
		err = fmt.Errorf("must hold one object, holds %d", len(documents))
	}
	if err != nil {
		return []Judgement{unreadable(path, key, err)}
	}
	object, err := readObject(documents[0])
	if err != nil {
		return []Judgement{unreadable(path, key, err)}
	}
	name := nested(object, "metadata", "name")
	judgement := j.object(path, key, fillPlaceholders(object).(map[string]any))
	judgement.Name = name
	return []Judgement{judgement}
}

// object judges one object, whatever its kind.
func (j *judge) object(path, key string, object map[string]any) Judgement {
	judgement := Judgement{
		File:       path,
		Key:        key,
		APIVersion: nested(object, "apiVersion"),
		Kind:       nested(object, "kind"),
		Name:       nested(object, "metadata", "name"),
		Depth:      "nothing",
		Errors:     []string{},
	}
	if isKustomization(path, key) {
		judgement.Depth = "full"
		judgement.Errors = append(judgement.Errors, judgeKustomization(path, object)...)
		return judgement
	}
	groupVersion, err := schema.ParseGroupVersion(judgement.APIVersion)
	if err != nil || judgement.APIVersion == "" || judgement.Kind == "" {
		judgement.Errors = append(judgement.Errors, "not a Kubernetes object: apiVersion or kind is missing or malformed")
		return judgement
	}
	kind, err := j.catalog.find(groupVersion.WithKind(judgement.Kind))
	if err != nil {
		judgement.Errors = append(judgement.Errors, err.Error())
		return judgement
	}
	judgement.Depth = kind.depth()
	judgement.Errors = append(judgement.Errors, kind.judge(object)...)
	if groupVersion.Group != argoGroup {
		judgement.Errors = append(judgement.Errors, judgeBeyondSchema(object)...)
	}
	return judgement
}

// define notes the object and complains when its folder has it already.
func (j *judge) define(path string, object map[string]any) []string {
	if isKustomization(path, "") {
		return nil
	}
	id := identity{
		folder:     filepath.Dir(path),
		apiVersion: nested(object, "apiVersion"),
		kind:       nested(object, "kind"),
		namespace:  nested(object, "metadata", "namespace"),
		name:       nested(object, "metadata", "name"),
	}
	if other, isThere := j.defined[id]; isThere {
		return []string{fmt.Sprintf("already defined in %s", other)}
	}
	j.defined[id] = path
	return nil
}

func unreadable(path, key string, err error) Judgement {
	return Judgement{File: path, Key: key, Depth: "nothing", Errors: []string{err.Error()}}
}

// nested returns the string at the given keys, or "" where there is none.
func nested(object map[string]any, keys ...string) string {
	var value any = object
	for _, key := range keys {
		mapping, _ := value.(map[string]any)
		value = mapping[key]
	}
	text, _ := value.(string)
	return text
}

// fillPlaceholders changes the value in place.
func fillPlaceholders(value any) any {
	switch value := value.(type) {
	case string:
		return placeholder.ReplaceAllString(value, placeholderValue)
	case map[string]any:
		for key, child := range value {
			value[key] = fillPlaceholders(child)
		}
	case []any:
		for i, child := range value {
			value[i] = fillPlaceholders(child)
		}
	}
	return value
}
