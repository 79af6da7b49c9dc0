"""One text and one hash for one value: what the compiler writes and the runner checks."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def bundle_hash(data: Mapping[str, str]) -> str:
    """sha256, in hex, over the canonical JSON of the data: of the content, whatever the YAML around it looks like."""
    return hashlib.sha256(canonical_json(dict(data)).encode()).hexdigest()
