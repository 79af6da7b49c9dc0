"""Writes files completely or not at all, and opens files that another program may have replaced."""

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import secrets
import stat
from io import BufferedReader
from typing import Any


def write_whole(path: pathlib.Path, content: bytes) -> None:
    """
    Writes a temporary file and renames it, so that no reader and no crash leaves a part.

    Writes through no link: a link at `path` is replaced, and the folder of `path` must not be a link. Raises OSError.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        # Nobody can plant a link under a name that nobody knows.
        temporary = f".{secrets.token_hex(8)}.tmp"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise
    finally:
        os.close(folder)


def open_regular(path: pathlib.Path) -> BufferedReader:
    """
    Opens a file for reading, through links.

    Raises OSError, also for a FIFO, which would block without a writer, and for a device.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def open_to_append(path: str, flags: int) -> int:
    """An `opener` of `open` that follows no link."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def dump_json(document: Any) -> bytes:
    """JSON for our files: indented, UTF-8, one newline at the end."""
    return (json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode()


def sha256_of(path: pathlib.Path) -> str:
    """The sha256 of a file, in hex. Raises OSError."""
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
