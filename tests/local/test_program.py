"""A command under its supervisor: real processes, no run around them."""

import os
import pathlib
import re
import signal
import time

import pytest

from local_kit import daemon, marked, shell
from prometheus_kit import unlike, until
from validationrun.local.process import Launch, Program


@pytest.fixture
def launched(tmp_path):
    """Starts commands, and sees to it that none is left."""
    mark = unlike()
    programs = []

    def launch(argv, **fields):
        made = Launch(
            **{
                "argv": argv,
                "environment": {**os.environ, "LOCAL_KIT_MARK": mark},
                "folder": tmp_path,
                "stdout": tmp_path / "stdout",
                "stderr": tmp_path / "stderr",
                "grace_s": 5,
                **fields,
            }
        )
        programs.append(Program(made).start())
        programs[-1].await_start()
        return programs[-1]

    launch.mark = mark
    yield launch
    for program in programs:
        program.close()
    assert marked(mark) == []


def test_an_exit_code_comes_with_its_time(launched):
    """On the clock that all processes share, and only once."""
    before = time.monotonic()
    program = launched(shell("exit 3"))
    assert program.wait(20)
    ended = program.ended
    assert (ended.code, ended.signal, ended.stopped) == (3, None, False)
    assert before < program.started <= ended.at < time.monotonic()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["/no/such/program"], "no such program"),
        (["no-such-program-on-the-path"], "no such program"),
        (["/etc/passwd"], "Permission denied"),
        (["/"], "Permission denied"),
        (["sh", "-c", "\0"], "embedded null byte"),
    ],
)
def test_a_command_that_cannot_start_says_why(launched, argv, words):
    """And is no command that ended."""
    program = launched(argv)
    assert program.wait(20)
    assert words in program.failure
    assert (program.started, program.ended) == (None, None)


def test_a_working_folder_that_is_gone_is_a_reason_too(launched, tmp_path):
    program = launched(shell("exit 0"), folder=tmp_path / "gone")
    assert program.wait(20)
    assert program.started is None
    assert program.failure


def test_stop_gives_the_whole_group_its_time(launched, tmp_path):
    """A child of the command hears it as well, and what both do then is still seen."""
    child = "trap 'echo child; exit' TERM; touch ready; while :; do sleep 0.05; done"
    program = launched(shell(f"trap 'wait; echo parent; exit 0' TERM; ({child}) & wait"))
    until(lambda: (tmp_path / "ready").exists())
    program.stop()
    assert program.wait(20)
    assert (program.ended.code, program.ended.stopped) == (0, True)
    assert (tmp_path / "stdout").read_text() == "child\nparent\n"


def test_its_grace_is_the_end_of_patience(launched, tmp_path):
    program = launched(shell("trap '' TERM; touch ready; while :; do sleep 0.05; done"), grace_s=0.5)
    until(lambda: (tmp_path / "ready").exists())
    before = time.monotonic()
    program.stop()
    program.stop()
    assert program.wait(20)
    assert program.ended.signal == signal.SIGKILL
    assert 0.5 <= program.ended.at - before < 5


def test_kill_has_no_patience(launched, tmp_path):
    program = launched(shell("trap '' TERM; touch ready; while :; do sleep 0.05; done"), grace_s=600)
    until(lambda: (tmp_path / "ready").exists())
    program.stop()
    program.kill()
    assert program.wait(20)
    assert program.ended.signal == signal.SIGKILL


def test_output_without_end_fills_no_disk(launched, tmp_path):
    """Its beginning and its end are kept, and how much lies between."""
    count = 60 << 20
    wait = "import os, time\nopen('written', 'w')\nwhile not os.path.exists('go'): time.sleep(0.02)"
    script = f"import sys\nsys.stdout.write('begins ' + 'x' * {count} + ' ends')\nsys.stdout.flush()\n{wait}"
    program = launched(["python3", "-c", script])
    until(lambda: (tmp_path / "written").exists(), 30)
    status = pathlib.Path(f"/proc/{program._process.pid}/status").read_text()
    most_kib = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
    assert most_kib < 30 << 10
    (tmp_path / "go").touch()
    assert program.wait(60)
    text = (tmp_path / "stdout").read_text()
    assert len(text) < 18 << 20
    assert text.startswith("begins xxx")
    assert text.endswith("xxx ends")
    left_out = int(text.partition("[validationrun: ")[2].partition(" bytes left out")[0])
    assert len(text) - len(f"\n[validationrun: {left_out} bytes left out here]\n") + left_out == count + 12


def test_output_that_cannot_be_written_costs_only_itself(launched, tmp_path):
    """The command never waits for a reader that is not there."""
    program = launched(["python3", "-c", "print('x' * (1 << 20))"], stdout=tmp_path / "no" / "such" / "folder")
    assert program.wait(20)
    assert program.ended.code == 0


def test_a_large_environment_arrives_whole(launched, tmp_path):
    """More than a pipe holds, and text of any language."""
    value = "é" * 60_000
    program = launched(
        ["python3", "-c", "import os; print(len(os.environ['BIG']), os.environ['BIG'] == 'é' * 60_000)"],
        environment={"BIG": value, "OTHER": "y" * 100_000, "PATH": os.environ["PATH"], "LOCAL_KIT_MARK": launched.mark},
    )
    assert program.wait(20)
    assert (tmp_path / "stdout").read_text() == "60000 True\n"


def test_a_clean_up_runs_however_the_command_ends(launched, tmp_path):
    """It ends what lives on elsewhere: after an end of its own, after a kill, and when we are gone."""
    for number, argv in enumerate((shell("exit 0"), shell("exec sleep 300"), shell("exec sleep 300"))):
        cleaned = tmp_path / f"cleaned-{number}"
        program = launched(argv, cleanup=["sh", "-c", f"touch {cleaned}"])
        if number == 1:
            program.kill()
        if number == 2:
            program.close()
        assert program.wait(20)
        assert cleaned.exists()


def test_a_clean_up_that_cannot_start_harms_nothing(launched):
    program = launched(shell("exit 0"), cleanup=["/no/such/program"])
    assert program.wait(20)
    assert program.ended.code == 0


def test_a_daemon_of_a_daemon_is_found(launched, tmp_path):
    """Two sessions away from the command, each parent gone."""
    inner = daemon("inner")
    program = launched(shell(f'setsid sh -c "{inner} sleep 300" & while ! test -e inner; do sleep 0.02; done'))
    assert program.wait(20)
    assert program.ended.code == 0
    assert marked(launched.mark) == []


def test_a_supervisor_that_is_terminated_takes_everything_along(launched, tmp_path):
    """SIGTERM to the supervisor ends its command and all below it."""
    program = launched(shell(f"{daemon('ready')} exec sleep 300"))
    until(lambda: (tmp_path / "ready").exists())
    os.kill(program._process.pid, signal.SIGTERM)
    assert program.wait(20)
    assert marked(launched.mark) == []
