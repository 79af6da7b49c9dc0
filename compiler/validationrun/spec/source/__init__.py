"""
Reads YAML text into plain data, with the line and column of every key and value.

The only reader of YAML. It does not depend on the fields of a ValidationRun; those are in `spec.v1alpha1`.
"""

from validationrun.spec.source.document import Document
from validationrun.spec.source.ignores import Ignore, find_ignores
from validationrun.spec.source.reader import MAX_BYTES, LoadResult, read, read_compiled

__all__ = ["MAX_BYTES", "Document", "Ignore", "LoadResult", "find_ignores", "read", "read_compiled"]
