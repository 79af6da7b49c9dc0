"""Copies the workload's files into the results folder: plain files only, up to a maximum."""

import os
import pathlib
import re
import stat
from collections.abc import Iterator
from typing import Final

MOST_BYTES: Final = 256 << 20
MOST_FILES: Final = 1000
_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_NAME: Final = 180
_PART_BYTES: Final = 1 << 20


def output_name(index: int, name: str) -> str:
    """`workload-<shard>-<file>`."""
    return f"workload-{index}-{name}"


def collect(index: int, source: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """
    Copies the files of one shard's RESULT_DIR into the folder itself, without subfolders.

    Returns a sentence for each file that was not kept.
    """
    left_out, total, count = [], 0, 0
    for path, size in _files(source):
        shown = path.relative_to(source).as_posix()
        if count >= MOST_FILES or total + size > MOST_BYTES:
            left_out.append(f"shard {index}: {shown} ({size} bytes) was not kept: there is too much")
            continue
        target = _free(folder, output_name(index, _flat(shown)))
        try:
            _copy(path, target, MOST_BYTES - total)
        except OSError as error:
            left_out.append(f"shard {index}: {shown} was not kept: {error.strerror}")
            continue
        total += size
        count += 1
    return _shortened(index, left_out)


def _files(source: pathlib.Path) -> Iterator[tuple[pathlib.Path, int]]:
    """Plain files in sorted order, because links and devices could lead anywhere."""
    if source.is_symlink():
        return
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            try:
                status = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status.st_size


def _flat(shown: str) -> str:
    return _PLAIN.sub("_", shown.replace("/", "-"))[-_LONGEST_NAME:]


def _free(folder: pathlib.Path, name: str) -> pathlib.Path:
    """A free name, because two paths may be flattened to the same name."""
    target, number = folder / name, 2
    while target.exists():
        target, number = folder / f"{name}.{number}", number + 1
    return target


def _copy(path: pathlib.Path, target: pathlib.Path, room: int) -> None:
    # O_NOFOLLOW: the file may have been replaced by a link.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as source, target.open("xb") as out:
        while room > 0 and (part := source.read(min(room, _PART_BYTES))):
            out.write(part)
            room -= len(part)


def _shortened(index: int, left_out: list[str]) -> list[str]:
    most = 5
    rest = len(left_out) - most
    return left_out if rest <= 0 else [*left_out[:most], f"shard {index}: {rest} more files were not kept"]
