"""Canonical JSON and hashes, which the compiler writes and the runner checks."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def canonical_json(value: Any) -> str:
    """The only JSON text of a value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def bundle_hash(data: Mapping[str, str]) -> str:
    """sha256, in hex, of the data's canonical JSON, so the form of the YAML does not matter."""
    return hashlib.sha256(canonical_json(dict(data)).encode()).hexdigest()
