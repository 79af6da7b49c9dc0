"""Files in folders where another program writes too."""

import os
import pathlib

import pytest

from validationrun.base.atomic_files import open_regular, open_to_append, write_whole


def test_a_file_appears_whole_and_nothing_else_is_left(tmp_path: pathlib.Path) -> None:
    write_whole(tmp_path / "a", b"first")
    write_whole(tmp_path / "a", b"second")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"second")]
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_link_is_replaced_and_its_target_stays(tmp_path: pathlib.Path) -> None:
    target = tmp_path / "mine"
    target.write_text("mine")
    (tmp_path / "report.html").symlink_to(target)
    write_whole(tmp_path / "report.html", b"new")
    assert (target.read_text(), (tmp_path / "report.html").read_text()) == ("mine", "new")
    assert not (tmp_path / "report.html").is_symlink()


def test_nothing_is_written_into_a_folder_that_is_a_link(tmp_path: pathlib.Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "rules").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="rules"):
        write_whole(tmp_path / "rules" / "a.json", b"new")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_cannot_be_renamed_leaves_nothing(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "a", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_only_a_regular_file_is_opened(tmp_path: pathlib.Path) -> None:
    """Through links, because Kubernetes mounts a Secret as links."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("file")
    with open_regular(tmp_path / "link") as stream:
        assert stream.read() == b"text"
    with pytest.raises(OSError, match="it is no regular file"):
        open_regular(tmp_path / "fifo")
    with pytest.raises(OSError, match="it is no regular file"):
        open_regular(pathlib.Path("/dev/zero"))
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)


def test_evidence_is_not_appended_through_a_link(tmp_path: pathlib.Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "a.jsonl").symlink_to("mine")
    with pytest.raises(OSError, match="symbolic links"):
        open(tmp_path / "a.jsonl", "a", opener=open_to_append)  # noqa: SIM115 - it is not opened
    assert (tmp_path / "mine").read_text() == "mine"
