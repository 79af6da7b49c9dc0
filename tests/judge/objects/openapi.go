package main

// Kubernetes' OpenAPI v3 documents, rewritten as the structural schemas that CRDs use,
// so that one piece of code, the API server's, judges both.

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const refPrefix = "#/components/schemas/"

// quantityPattern is what controller-gen writes for a Quantity.
const quantityPattern = `^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`

// Schemas that say less than the Go type behind them.
var rewritten = map[string]map[string]any{
	"io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"x-kubernetes-int-or-string": true},
	"io.k8s.apimachinery.pkg.api.resource.Quantity": {
		"anyOf":   []any{map[string]any{"type": "number"}, map[string]any{"type": "string"}},
		"pattern": quantityPattern,
	},
}

// Keywords that mean the same in both kinds of schema.
// `default` is left out: Kubernetes gives required strings the default "", which would hide that they are missing.
var kept = []string{
	"type", "format", "required", "oneOf", "anyOf", "enum", "pattern", "minimum", "maximum",
	"x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type",
}

type openAPIDocument struct {
	Paths      map[string]openAPIPath `json:"paths"`
	Components struct {
		Schemas map[string]map[string]any `json:"schemas"`
	} `json:"components"`
}

// openAPIPath is one URL; only its POST, which creates an object, is of interest.
type openAPIPath struct {
	Post *struct {
		GroupVersionKind schema.GroupVersionKind `json:"x-kubernetes-group-version-kind"`
		RequestBody      struct {
			Content map[string]struct {
				Schema struct {
					Ref string `json:"$ref"`
				} `json:"schema"`
			} `json:"content"`
		} `json:"requestBody"`
	} `json:"post"`
}

// kind returns what the document says about objects that can be created.
// A kind is namespaced when it is created below a namespace.
func (d *openAPIDocument) kind(gvk schema.GroupVersionKind) (*kind, error) {
	for path, operations := range d.Paths {
		if operations.Post == nil || operations.Post.GroupVersionKind != gvk || strings.Contains(path, "{name}") {
			continue
		}
		for _, content := range operations.Post.RequestBody.Content {
			properties, err := d.structural(content.Schema.Ref)
			if err != nil {
				return nil, err
			}
			return newKind(properties, strings.Contains(path, "/namespaces/{namespace}/"))
		}
	}
	return nil, fmt.Errorf("Kubernetes has no such kind in this API")
}

func (d *openAPIDocument) structural(ref string) (*apiextensionsv1.JSONSchemaProps, error) {
	inlined, err := d.inline(map[string]any{"$ref": ref}, nil)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(inlined)
	if err != nil {
		return nil, err
	}
	properties := &apiextensionsv1.JSONSchemaProps{}
	return properties, json.Unmarshal(text, properties)
}

// inline replaces every reference by what it refers to.
// `parents` are the references on the way down; one that comes again (JSONSchemaProps) stays open.
func (d *openAPIDocument) inline(node map[string]any, parents []string) (map[string]any, error) {
	if ref, isRef := reference(node); isRef {
		name := strings.TrimPrefix(ref, refPrefix)
		if schema, isRewritten := rewritten[name]; isRewritten {
			return schema, nil
		}
		if slices.Contains(parents, name) {
			return map[string]any{"x-kubernetes-preserve-unknown-fields": true}, nil
		}
		schema, isThere := d.Components.Schemas[name]
		if !isThere {
			return nil, fmt.Errorf("OpenAPI document lacks %s", name)
		}
		return d.inline(schema, append(slices.Clone(parents), name))
	}
	result := map[string]any{}
	for _, keyword := range kept {
		if value, isThere := node[keyword]; isThere {
			result[keyword] = value
		}
	}
	for _, keyword := range []string{"items", "additionalProperties"} {
		if child, isSchema := node[keyword].(map[string]any); isSchema {
			inlined, err := d.inline(child, parents)
			if err != nil {
				return nil, err
			}
			result[keyword] = inlined
		}
	}
	properties, hasProperties := node["properties"].(map[string]any)
	if hasProperties {
		inlined := map[string]any{}
		for name, child := range properties {
			var err error
			if inlined[name], err = d.inline(child.(map[string]any), parents); err != nil {
				return nil, err
			}
		}
		result["properties"] = inlined
	}
	if node["type"] == "object" && !hasProperties && node["additionalProperties"] == nil || len(result) == 0 {
		// RawExtension, FieldsV1, JSON: any content is legal.
		result["x-kubernetes-preserve-unknown-fields"] = true
	}
	return result, nil
}

// reference returns the target of `$ref`, which Kubernetes also writes as an `allOf` of one,
// beside a default and a description.
func reference(node map[string]any) (string, bool) {
	if ref, isRef := node["$ref"].(string); isRef {
		return ref, true
	}
	if all, isList := node["allOf"].([]any); isList && len(all) == 1 {
		if only, isSchema := all[0].(map[string]any); isSchema {
			return reference(only)
		}
	}
	return "", false
}
