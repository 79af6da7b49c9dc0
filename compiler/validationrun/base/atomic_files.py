"""Writes files completely or not at all."""

import contextlib
import hashlib
import json
import os
import pathlib
from typing import Any


def write_whole(path: pathlib.Path, content: bytes) -> None:
    """Writes a temporary file and renames it, so that no reader and no crash leaves a part. Raises OSError."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def dump_json(document: Any) -> bytes:
    """JSON for our files: indented, UTF-8, one newline at the end."""
    return (json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode()


def sha256_of(path: pathlib.Path) -> str:
    """The sha256 of a file, in hex. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def listed(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    """
    Hash and size of every file by its path below the folder.

    A reader checks by it that no file is missing or changed. Raises OSError.
    """
    return {
        path.relative_to(folder).as_posix(): {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
