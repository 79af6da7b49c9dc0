"""Where the real Prometheus and its promtool lie; the distribution's are installed when there are none."""

import contextlib
import fcntl
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_NO_START: Final = Path("/usr/sbin/policy-rc.d")


class MissingError(Exception):
    """There is no Prometheus; the message says how to get one."""


@functools.cache
def prometheus() -> str:
    """PROMETHEUS_BIN, else the one on the PATH, else the distribution's, installed now."""
    if named := os.environ.get("PROMETHEUS_BIN"):
        if shutil.which(named) is None:
            raise MissingError(f"PROMETHEUS_BIN is {named}, which is no program")
        return str(Path(shutil.which(named) or named).resolve())
    return install("prometheus", "prometheus")


@functools.cache
def promtool() -> str:
    """The one next to the Prometheus in use, else the one on the PATH."""
    beside = Path(prometheus()).with_name("promtool")
    found = str(beside) if beside.exists() else shutil.which("promtool")
    if found is None:
        raise MissingError(f"no promtool beside {prometheus()}, and none on the PATH")
    return found


def install(program: str, package: str) -> str:
    """Where a program lies; the distribution's package is installed when PATH has none. Raises MissingError."""
    if found := shutil.which(program):
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise MissingError(f"no {program}: install the package {package}")
    with _alone():
        if shutil.which(program) is None:
            with _no_service_starts():
                _apt("update", "-qq")
                _apt("install", "-y", "-qq", "--no-install-recommends", package)
    if found := shutil.which(program):
        return found
    raise MissingError(f"no {program}, though the package {package} is installed")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Workers of one test run must not install side by side."""
    with Path(tempfile.gettempdir(), "validationrun-install-prometheus.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian's own way to install a service without starting it: 101 is "forbidden by policy"."""
    if _NO_START.exists():
        yield
        return
    _NO_START.write_text("#!/bin/sh\nexit 101\n")
    _NO_START.chmod(0o755)
    try:
        yield
    finally:
        _NO_START.unlink()


def _apt(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MissingError(f"apt-get {arguments[0]}: {done.stderr.strip()[-1000:]}")
