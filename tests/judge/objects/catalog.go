package main

// Where the schema of a kind comes from: Argo's CRDs, Kubernetes' OpenAPI documents, or nowhere public.

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

const argoGroup = "argoproj.io"

// metadataOnly lists the namespaced kinds whose CRD is not published, or is not worth its dependencies: the groups of a
// PrometheusRule are judged by promtool, in tests/ruletest/test_overdue_alert.py. Of these only apiVersion, kind and metadata are judged.
var metadataOnly = map[schema.GroupVersionKind]bool{
	{Group: "sei.io", Version: "v1alpha1", Kind: "SeiNodeDeployment"}: true,
	{Group: "sei.io", Version: "v1alpha1", Kind: "SeiNetwork"}:        true,
	{Group: "sei.io", Version: "v1alpha1", Kind: "SeiNode"}:           true,

	{Group: "monitoring.coreos.com", Version: "v1", Kind: "PrometheusRule"}: true,
}

// Versions that a cluster serves without being asked to: alpha and beta ones are off by default.
var stableVersion = regexp.MustCompile(`^v[0-9]+$`)

// catalog finds the schema of a kind and keeps what it has read.
type catalog struct {
	crds    string
	openAPI string
	kinds   map[schema.GroupVersionKind]*kind
	loaded  map[schema.GroupVersion]error
}

func newCatalog(crds, openAPI string) *catalog {
	return &catalog{
		crds:    crds,
		openAPI: openAPI,
		kinds:   map[schema.GroupVersionKind]*kind{},
		loaded:  map[schema.GroupVersion]error{},
	}
}

// find returns the kind, or an error that says why nothing is known about it.
func (c *catalog) find(gvk schema.GroupVersionKind) (*kind, error) {
	if known := c.kinds[gvk]; known != nil {
		return known, nil
	}
	var found *kind
	var err error
	switch {
	case metadataOnly[gvk]:
		found = &kind{namespaced: true}
	case gvk.Group == argoGroup:
		found, err = c.readCRD(gvk)
	default:
		found, err = c.readOpenAPI(gvk)
	}
	if err != nil {
		return nil, fmt.Errorf("unknown kind %s %s: %w", gvk.GroupVersion(), gvk.Kind, err)
	}
	c.kinds[gvk] = found
	return found, nil
}

// readCRD reads the one definition that can hold the kind; each file weighs megabytes.
func (c *catalog) readCRD(gvk schema.GroupVersionKind) (*kind, error) {
	file := filepath.Join(c.crds, fmt.Sprintf("%s_%ss.yaml", gvk.Group, strings.ToLower(gvk.Kind)))
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("Argo defines no such kind")
	}
	if err != nil {
		return nil, err
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return nil, err
	}
	if crd.Spec.Group != gvk.Group || crd.Spec.Names.Kind != gvk.Kind {
		return nil, fmt.Errorf("Argo defines no such kind")
	}
	for _, version := range crd.Spec.Versions {
		if version.Name == gvk.Version && version.Served {
			namespaced := crd.Spec.Scope == apiextensionsv1.NamespaceScoped
			return newKind(version.Schema.OpenAPIV3Schema, namespaced)
		}
	}
	return nil, fmt.Errorf("Argo does not serve this version")
}

func (c *catalog) readOpenAPI(gvk schema.GroupVersionKind) (*kind, error) {
	name := fmt.Sprintf("apis__%s__%s_openapi.json", gvk.Group, gvk.Version)
	if gvk.Group == "" {
		name = fmt.Sprintf("api__%s_openapi.json", gvk.Version)
	}
	if !stableVersion.MatchString(gvk.Version) {
		return nil, fmt.Errorf("neither Argo's nor in a stable API of Kubernetes")
	}
	text, err := os.ReadFile(filepath.Join(c.openAPI, name))
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("neither Argo's nor in a stable API of Kubernetes")
	}
	if err != nil {
		return nil, err
	}
	var document openAPIDocument
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	return document.kind(gvk)
}
