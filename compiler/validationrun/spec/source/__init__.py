"""
From a user's text to plain data that knows where everything stands.

The only reader of YAML. It knows nothing of a ValidationRun's fields: that is `api`.
"""

from validationrun.spec.source.document import Document
from validationrun.spec.source.ignores import Ignore, find_ignores
from validationrun.spec.source.reader import MAX_BYTES, LoadResult, read

__all__ = ["MAX_BYTES", "Document", "Ignore", "LoadResult", "find_ignores", "read"]
