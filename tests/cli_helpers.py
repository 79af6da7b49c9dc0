"""Calling the command line, in this process where that is enough, and as the program a user runs."""

import contextlib
import io
import logging
import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass
from unittest import mock

from validationrun import cli

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = pathlib.Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Called:
    """How a call ended."""

    code: int
    out: str
    err: str


def call(*arguments: object, stdin: bytes = b"", name: str = "validationrun") -> Called:
    """The console script's own function in this process, with streams of its own."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    argv = [f"/usr/bin/{name}", *map(str, arguments)]
    code: object = 0
    with (
        mock.patch.object(sys, "argv", argv),
        mock.patch.object(sys, "stdin", given),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as exit_:
            code = exit_.code or 0
        finally:
            # Its stream ends with the call.
            logging.getLogger("validationrun").handlers.clear()
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    assert isinstance(code, int)
    return Called(code, *texts)


def run(*arguments: object, name: str = "validationrun", stdin: bytes = b"", **options: object) -> Called:
    """The installed program."""
    environment = {**os.environ, "COLUMNS": "110", **options.pop("env", {})}  # type: ignore[dict-item]
    done = subprocess.run(
        [str(BIN / name), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        env=environment,
        **options,
    )
    return Called(done.returncode, done.stdout.decode(), done.stderr.decode())
