"""
What the steps of a run do in the cluster. One module a step; `main` is the program that Argo starts.

Every step reads the run record first, writes what it found there, and ends 0 once that is written: an exit code never
carries a verdict. Only finalize ends 1, so that its message becomes the Workflow's.
"""
