"""What a workload wrote, in the results folder."""

import os

import pytest

from validationrun.local import artifacts as collecting
from validationrun.local.artifacts import collect


@pytest.fixture
def folders(tmp_path):
    source, target = tmp_path / "results-1", tmp_path / "run"
    source.mkdir()
    target.mkdir()
    return source, target


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_lie_beside_the_others_under_the_shards_name(folders):
    """No path level is added; names that become alike stay apart; nothing in a name can lead anywhere."""
    source, target = folders
    (source / "deep" / "er").mkdir(parents=True)
    for name in ("a.json", "deep/a.json", "deep/er/b", "deep-a.json", "odd name\n;.txt", "..hidden"):
        (source / name).write_text(name)
    (target / "workload-1-a.json").write_text("ours")
    assert collect(1, source, target) == []
    assert names(target) == [
        "workload-1-..hidden", "workload-1-a.json", "workload-1-a.json.2", "workload-1-deep-a.json",
        "workload-1-deep-a.json.2", "workload-1-deep-er-b", "workload-1-odd_name__.txt",
    ]  # fmt: skip
    assert (target / "workload-1-a.json").read_text() == "ours"
    assert (target / "workload-1-a.json.2").read_text() == "a.json"


def test_only_plain_files_are_taken(folders):
    """A link could lead to a secret of this machine, a pipe would hang."""
    source, target = folders
    (source / "link").symlink_to("/etc/hostname")
    (source / "folder").symlink_to("/etc")
    os.mkfifo(source / "pipe")
    (source / "plain").write_text("x")
    assert collect(1, source, target) == []
    assert names(target) == ["workload-1-plain"]


def test_there_is_an_end_to_what_is_kept(folders, monkeypatch):
    """In bytes and in files; what is left out is told, and not at any length."""
    source, target = folders
    monkeypatch.setattr(collecting, "MOST_BYTES", 10)
    for index in range(10):
        (source / f"{index:02}").write_text("xxxx")
    left_out = collect(1, source, target)
    assert names(target) == ["workload-1-00", "workload-1-01"]
    assert left_out[0] == "shard 1: 02 (4 bytes) was not kept: there is too much"
    assert left_out[-1] == "shard 1: 3 more files were not kept"
    assert len(left_out) == 6


def test_a_number_of_files_is_the_end_too(folders, monkeypatch):
    """A million empty files would fill a disk as well."""
    source, target = folders
    monkeypatch.setattr(collecting, "MOST_FILES", 1)
    (source / "a").touch()
    (source / "b").touch()
    assert collect(1, source, target) == ["shard 1: b (0 bytes) was not kept: there is too much"]
    assert names(target) == ["workload-1-a"]


def test_a_file_that_cannot_be_read_is_told(folders, monkeypatch):
    """The rest is kept."""
    source, target = folders
    (source / "a").touch()
    (source / "b").touch()
    real = os.open

    def refuse(path, *arguments):
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    assert collect(1, source, target) == ["shard 1: a was not kept: Permission denied"]
    assert names(target) == ["workload-1-b"]
