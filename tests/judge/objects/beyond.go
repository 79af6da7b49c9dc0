package main

// What Kubernetes checks in its own kinds and OpenAPI cannot say.
// Only what a compiler of ConfigMaps, Jobs and admission policies can get wrong; the rest stays with the cluster.

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxConfigMapBytes is MaxSecretSize of k8s.io/api/core/v1, which holds for ConfigMaps too.
const maxConfigMapBytes = 1024 * 1024

func judgeBeyondSchema(object map[string]any) []string {
	messages := judgeInnerMetadata(object, nil)
	switch nested(object, "apiVersion") + " " + nested(object, "kind") {
	case "v1 ConfigMap":
		messages = append(messages, judgeConfigMap(object)...)
	case "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy":
		messages = append(messages, judgePolicy(object)...)
	}
	return messages
}

func judgeConfigMap(object map[string]any) []string {
	var messages []string
	size := 0
	for _, part := range []string{"data", "binaryData"} {
		entries, _, _ := unstructured.NestedMap(object, part)
		for _, key := range sortedKeys(entries) {
			for _, reason := range utilvalidation.IsConfigMapKey(key) {
				messages = append(messages, fmt.Sprintf("%s: key %q: %s", part, key, reason))
			}
			text, _ := entries[key].(string)
			size += len(text)
		}
	}
	if size > maxConfigMapBytes {
		messages = append(messages, fmt.Sprintf("data: %d bytes, must have at most %d", size, maxConfigMapBytes))
	}
	return messages
}

// judgeInnerMetadata checks labels and annotations below the object's own metadata, such as a pod template's.
func judgeInnerMetadata(value any, path *field.Path) []string {
	var messages []string
	switch value := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(value) {
			child := path.Child(key)
			if meta, isMap := value[key].(map[string]any); isMap && key == "metadata" && path != nil {
				labels, _, _ := unstructured.NestedStringMap(meta, "labels")
				annotations, _, _ := unstructured.NestedStringMap(meta, "annotations")
				errs := metav1validation.ValidateLabels(labels, child.Child("labels"))
				errs = append(errs, validation.ValidateAnnotations(annotations, child.Child("annotations"))...)
				messages = append(messages, fieldErrors(errs)...)
			} else {
				messages = append(messages, judgeInnerMetadata(value[key], child)...)
			}
		}
	case []any:
		for i, item := range value {
			messages = append(messages, judgeInnerMetadata(item, path.Index(i))...)
		}
	}
	return messages
}

func sortedKeys(mapping map[string]any) []string {
	keys := make([]string, 0, len(mapping))
	for key := range mapping {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, strings.Compare)
	return keys
}
