"""
From a plan to the files that are committed: Argo objects through Hera, the bundle, access rules, a kustomization.

The only room that imports Hera, and the only writer of YAML.
"""

from validationrun.emit.files import EmittedFile, emit
from validationrun.emit.header import Header, header_of
from validationrun.emit.options import EmitOptions

__all__ = ["EmitOptions", "EmittedFile", "Header", "emit", "header_of"]
