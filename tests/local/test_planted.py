"""A workload that plants links, FIFOs and folders where the program writes or reads after it."""

import pytest

from local_kit import Spec, ran, shell

FOLDER = "$PLANT_HERE/results/*/*/*"


def planted(tmp_path, script, **fields):
    """A run whose workload knows where the results folder lies."""
    spec = Spec(shell(script), duration="1s", **fields)
    return ran(spec, tmp_path, "--env", f"PLANT_HERE={tmp_path}")


@pytest.mark.parametrize("name", ["report.html", "result.json", ".report.html.tmp", ".result.json.tmp"])
def test_a_planted_link_overwrites_nothing(tmp_path, name):
    """The names of the reports are known, and so were the names of their temporary files."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    done = planted(tmp_path, f'cd {FOLDER} && ln -s "$PLANT_HERE/victim" {name}')
    assert victim.read_text() == "mine"
    assert (done.code, done.verdict) == (0, ("Succeeded", "RunSucceeded")), done.err
    assert not (done.folder / "report.html").is_symlink()


def test_a_folder_that_was_replaced_by_a_link_is_not_written_into(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "rules").mkdir(parents=True)
    (elsewhere / "report.html").write_text("mine")
    done = planted(tmp_path, f'set -- {FOLDER}; mv "$1" "$PLANT_HERE/moved" && ln -s "$PLANT_HERE/elsewhere" "$1"')
    assert done.code == 2
    assert "the results cannot be written" in done.err
    assert "the folder was replaced during the run" in done.err
    assert (elsewhere / "report.html").read_text() == "mine"
    assert not (elsewhere / "result.json").exists()


def test_a_fifo_in_place_of_the_output_does_not_hold_the_run_up(tmp_path):
    """The last line of stderr is read for the message."""
    done = planted(tmp_path, f"cd {FOLDER} && rm workload-0-stderr.log && mkfifo workload-0-stderr.log; exit 1")
    assert (done.code, done.verdict) == (1, ("Failed", "WorkloadFailed")), done.err


def test_a_result_dir_that_was_replaced_by_a_link_is_not_collected(tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("s3cr3t")
    done = planted(tmp_path, 'rmdir "$RESULT_DIR" && ln -s "$PLANT_HERE/secret" "$RESULT_DIR"')
    assert done.code == 0, done.err
    assert not (done.folder / "workload-0-key").exists()
