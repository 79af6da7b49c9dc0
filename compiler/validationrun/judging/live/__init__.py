"""
Judging a run while it happens: asking the rules at their times and folding what comes back.

Knows nothing of Kubernetes, files or processes: whoever runs an evaluation says through `Control` where time, window and
stop come from.
"""
