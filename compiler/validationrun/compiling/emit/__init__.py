"""
From a plan to the files that are committed: Argo objects through Hera, the bundle, access rules, a kustomization.

The only room that imports Hera (`workflow.py`), and the only writer of YAML.
Nothing is re-exported here, so that `explain` can name a bundle without paying for Hera's import.
"""
