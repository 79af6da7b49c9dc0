"""
What the compiler, the steps and the readers of a run must agree on: plan.json, the run record, the status.

Every document that crosses a process has its type here. What the values mean is not decided here.
"""
