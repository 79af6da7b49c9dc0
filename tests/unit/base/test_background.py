import subprocess
import sys
import threading
import time

import pytest

from validationrun.base.background import in_background

HANGS = """
import threading
from validationrun.base.background import in_background

started = threading.Event()


def hang():
    started.set()
    threading.Event().wait(60)


in_background(hang)
started.wait()
raise SystemExit(3)
"""


def test_the_result_comes_through_the_future():
    future = in_background(lambda first, *, second: (first, second, threading.current_thread()), 1, second=2)
    first, second, thread = future.result(10)
    assert (first, second) == (1, 2)
    assert thread is not threading.current_thread()


def test_an_exception_is_raised_where_the_result_is_asked_for():
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 / 0).result(10)


def test_a_call_that_hangs_does_not_delay_the_exit():
    began = time.monotonic()
    assert subprocess.run([sys.executable, "-c", HANGS], timeout=50, check=False).returncode == 3
    assert time.monotonic() - began < 30
