"""
Reads YAML text into plain data, and knows the line and column of every key and value.

The only reader of YAML. It knows nothing of a ValidationRun's fields; `spec.v1alpha1` does.
"""

from validationrun.spec.source.document import Document
from validationrun.spec.source.ignores import Ignore, find_ignores
from validationrun.spec.source.reader import MAX_BYTES, LoadResult, read, read_compiled

__all__ = ["MAX_BYTES", "Document", "Ignore", "LoadResult", "find_ignores", "read", "read_compiled"]
