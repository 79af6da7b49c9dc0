"""The files of a results folder by their hashes, in the run record and in result.json."""

import pathlib

from validationrun.base.atomic_files import sha256_of
from validationrun.base.document import Document


class FileHash(Document, frozen=True):
    """A file of the results folder."""

    sha256: str
    bytes: int


def listed(folder: pathlib.Path) -> dict[str, FileHash]:
    """
    Hash and size of every file by its path below the folder; links are left out, because they may lead out of it.

    A reader checks by it that no file is missing or changed. Raises OSError.
    """
    return {
        path.relative_to(folder).as_posix(): FileHash(sha256_of(path), path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
