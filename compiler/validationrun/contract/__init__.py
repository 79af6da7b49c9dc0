"""
The documents that compiler, steps and readers share: plan.json, the run record, the status.

Every document that crosses a process has its type here. Nothing here judges its values.
"""
