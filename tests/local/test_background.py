"""The tests give the same results when they were started in the background, by `nohup` or `&`."""

import pathlib
import signal
import subprocess
import sys

IGNORED = 1 << (signal.SIGINT - 1) | 1 << (signal.SIGHUP - 1)


def ignored_in_a_child() -> int:
    """Which of the two signals a program that this process starts ignores, as a bit mask."""
    status = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
    return int(next(line for line in status.splitlines() if line.startswith("SigIgn:")).split()[1], 16) & IGNORED


def test_a_program_of_a_test_ignores_no_signal():
    """What the tests below run once more, with the signals ignored."""
    assert ignored_in_a_child() == 0


def test_that_holds_too_when_the_tests_were_started_with_signals_ignored():
    test = f"{pathlib.Path(__file__)}::{test_a_program_of_a_test_ignores_no_signal.__name__}"
    pytest = f"{sys.executable} -m pytest -q -p no:cacheprovider -p no:xdist {test}"
    done = subprocess.run(["sh", "-c", f"trap '' INT HUP; exec {pytest}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
