"""
From a spec to manifests: checks, the plan, the emitted files, and `explain`.

No clock, no environment, no network, no file system: every stage is a function of its arguments. Only `emit` imports Hera.
"""
