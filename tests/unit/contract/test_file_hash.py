"""The files of a results folder by their hashes."""

import os
import pathlib

from validationrun.contract.file_hash import listed


def test_links_are_not_listed(tmp_path: pathlib.Path) -> None:
    """A reader refuses a file outside of the folder."""
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "c")
    assert list(listed(tmp_path)) == ["a"]
