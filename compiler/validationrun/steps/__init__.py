"""
What the steps of a run do in the cluster. One module a step; `main` is the program that Argo starts.

Every step reads the run record first and writes its result there. It ends 0 then, or 3 when that result speaks against the
run, so that Argo shows it red; an exit code never carries a verdict. Only finalize ends 1, so that its message becomes the
Workflow's.
"""
