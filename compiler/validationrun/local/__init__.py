"""
A run on one machine, without Kubernetes: the same rules, the same engine, the same results folder.

`evaluate` judges the rules alone; `run` also starts the workload as processes of this machine.
"""
