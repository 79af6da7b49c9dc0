package main

// What the API server does with a new object: refuse unknown fields, then validate.
// The order of calls is that of k8s.io/apiextensions-apiserver (customresource_handler.go, customresource/strategy.go).

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	objectmetavalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// kind knows what is legal in objects of one kind.
// Without a schema only the metadata is judged.
type kind struct {
	namespaced bool
	schema     *structural.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

func newKind(properties *apiextensionsv1.JSONSchemaProps, namespaced bool) (*kind, error) {
	internal := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(properties, internal, nil); err != nil {
		return nil, err
	}
	schema, err := structural.NewStructural(internal)
	if err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(internal)
	if err != nil {
		return nil, err
	}
	return &kind{
		namespaced: namespaced,
		schema:     schema,
		validator:  validator,
		rules:      cel.NewValidator(schema, true, celconfig.PerCallLimit),
	}, nil
}

func (k *kind) depth() string {
	if k.schema == nil {
		return "metadata only"
	}
	return "full"
}

// judge returns everything an API server would hold against creating the object.
func (k *kind) judge(original map[string]any) []string {
	object := runtime.DeepCopyJSON(original)
	messages := k.judgeMetadata(object)
	if k.schema == nil {
		return messages
	}
	unknown := pruning.PruneWithOptions(object, k.schema, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	messages = append(messages, unknownFields(unknown)...)
	defaulting.PruneNonNullableNullsWithoutDefaults(object, k.schema)
	defaulting.Default(object, k.schema)

	errs := validation.ValidateCustomResource(nil, object, k.validator)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, k.schema, object)...)
	if k.rules != nil && len(errs) == 0 {
		// CEL rules presume the types that the schema promises.
		ruleErrs, _ := k.rules.Validate(context.Background(), nil, k.schema, object, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, ruleErrs...)
	}
	return append(messages, fieldErrors(errs)...)
}

// judgeMetadata wants name and namespace to stand in the text: only a server fills in a `generateName`,
// and only a request's URL can stand in for the namespace.
func (k *kind) judgeMetadata(object map[string]any) []string {
	path := field.NewPath("metadata")
	meta, found, unknown, err := objectmeta.GetObjectMetaWithOptions(object, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return []string{fmt.Sprintf("metadata: %v", err)}
	}
	messages := unknownFields(unknown)
	if !found {
		return append(messages, field.Required(path, "").Error())
	}
	errs := objectmetavalidation.ValidateObjectMeta(meta, k.namespaced, objectmetavalidation.NameIsDNSSubdomain, path)
	return append(messages, fieldErrors(errs)...)
}

func unknownFields(paths []string) []string {
	messages := make([]string, 0, len(paths))
	for _, path := range paths {
		messages = append(messages, fmt.Sprintf("unknown field %q", path))
	}
	return messages
}

func fieldErrors(errs field.ErrorList) []string {
	messages := make([]string, 0, len(errs))
	for _, err := range errs {
		messages = append(messages, err.Error())
	}
	// The validator walks maps, whose order changes from run to run.
	slices.Sort(messages)
	return messages
}
