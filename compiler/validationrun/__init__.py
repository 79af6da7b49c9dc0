"""
validationrun: a compiler from a ValidationRun YAML to Argo WorkflowTemplates, the runner of their steps and the oracle that judges the run.

docs/architecture.md shows the rooms and what lives in each; `compiling/pipeline.py` is the whole compiler on one screen.
"""
