"""
The documents that compiler, steps and readers share: plan.json and suite.json, the records of runs and suites, status, results, history.

Every document that crosses a process has its type here; parts of one that say what a rule means have theirs in `oracle/`. Nothing
here judges a value.
"""
