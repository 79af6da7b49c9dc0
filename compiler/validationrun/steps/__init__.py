"""
The steps of a run in the cluster, one module per step. Argo starts `start`, which imports and runs `main`.

Every step reads the run record first and writes its result there. Then it exits 0, or 3 when its result speaks against the
run, so that Argo shows the step red; an exit code never carries a verdict. Of a run's steps only finalize exits 1, so that its
message becomes the Workflow's; `main` tells the exit codes of a suite's.
"""
