"""
Judges a run while it happens: asks the rules at their ticks and folds the decisions.

Knows nothing of Kubernetes, files or processes: the caller provides time, window and stop through `Control`.
"""
