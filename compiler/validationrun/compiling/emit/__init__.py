"""
From a plan to the committed files: Argo objects built with Hera, the bundle, access rules, a kustomization.

The only folder that imports Hera (the modules that build templates), and the only writer of YAML.
This package re-exports nothing, so that `explain` can name a bundle without importing Hera.
"""
