package main

// The CEL expressions of a ValidatingAdmissionPolicy, compiled as the API server compiles them.
// Same order and options as pkg/apis/admissionregistration/validation in k8s.io/kubernetes.

import (
	"fmt"

	celgo "github.com/google/cel-go/cel"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// expression is a CEL text with the types it may yield.
type expression struct {
	name  string
	text  string
	types []*celgo.Type
}

func (e expression) GetName() string            { return e.name }
func (e expression) GetExpression() string      { return e.text }
func (e expression) ReturnTypes() []*celgo.Type { return e.types }

var (
	aBool    = []*celgo.Type{celgo.BoolType}
	aString  = []*celgo.Type{celgo.StringType}
	aText    = []*celgo.Type{celgo.StringType, celgo.NullType}
	anything = []*celgo.Type{celgo.AnyType, celgo.DynType}
)

// judgePolicy returns one message for each expression that does not compile.
func judgePolicy(object map[string]any) []string {
	var policy admissionv1.ValidatingAdmissionPolicy
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &policy); err != nil {
		return nil // The schema has said it already.
	}
	base := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion(), true)
	compiler, err := cel.NewCompositedCompiler(base)
	if err != nil {
		return []string{err.Error()}
	}
	options := cel.OptionalVariableDeclarations{HasParams: policy.Spec.ParamKind != nil, HasAuthorizer: true, StrictCost: true}
	withoutAuthorizer := options
	withoutAuthorizer.HasAuthorizer = false

	var messages []string
	note := func(path *field.Path, result cel.CompilationResult) {
		if result.Error != nil {
			messages = append(messages, fmt.Sprintf("%s: %s", path, result.Error.Detail))
		}
	}
	compile := func(path *field.Path, e expression, options cel.OptionalVariableDeclarations) {
		if e.text != "" {
			note(path, compiler.CompileCELExpression(e, options, environment.NewExpressions))
		}
	}
	spec := field.NewPath("spec")
	// Match conditions see no variables, so a compiler without composition reads them.
	conditions := cel.NewCompiler(base)
	for i, condition := range policy.Spec.MatchConditions {
		e := expression{text: condition.Expression, types: aBool}
		note(spec.Child("matchConditions").Index(i), conditions.CompileCELExpression(e, options, environment.NewExpressions))
	}
	for i, variable := range policy.Spec.Variables {
		e := expression{name: variable.Name, text: variable.Expression, types: anything}
		note(spec.Child("variables").Index(i), compiler.CompileAndStoreVariable(e, options, environment.NewExpressions))
	}
	for i, rule := range policy.Spec.Validations {
		path := spec.Child("validations").Index(i)
		compile(path.Child("expression"), expression{text: rule.Expression, types: aBool}, options)
		compile(path.Child("messageExpression"), expression{text: rule.MessageExpression, types: aString}, withoutAuthorizer)
	}
	for i, annotation := range policy.Spec.AuditAnnotations {
		path := spec.Child("auditAnnotations").Index(i).Child("valueExpression")
		compile(path, expression{text: annotation.ValueExpression, types: aText}, options)
	}
	return messages
}
