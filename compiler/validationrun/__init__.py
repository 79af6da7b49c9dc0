"""
validationrun: a compiler from a ValidationRun YAML to Argo WorkflowTemplates.

The rooms, each with its own docstring: `load` reads text, `api` is the wire spec, `check` compares fields,
`plan` resolves names and times, `emit` writes objects, `oracle` says what a rule means, `cli` is the command line.
`pipeline` is the whole compiler on one screen.
"""
