"""
What one test starts on the cluster for itself: a process, a folder, a ConfigMap and a Secret, all under one name.

The test ends it. Where it was killed before, the next test that starts something does, and `make cluster-down` does.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Final

from kubernetes.client import ApiException
from tests.cluster import argo, objects, processes
from tests.cluster.layout import RUN, STATE

_OWNER: Final = ".owner"


@contextlib.contextmanager
def temporary(kind: str) -> Iterator[str]:
    """A name for it. All that bears the name is removed in the end."""
    sweep()
    name = f"{kind}-{secrets.token_hex(3)}"
    (RUN / f"{name}{_OWNER}").write_text(processes.identity(os.getpid()))
    try:
        yield name
    finally:
        _remove(name)


def sweep() -> None:
    """Removes what tests left that did not live to do it."""
    for path in RUN.glob(f"*{_OWNER}"):
        # Somebody else may sweep as well.
        with contextlib.suppress(FileNotFoundError, IndexError):
            owner = path.read_text()
            if owner != processes.identity(int(owner.split()[0])):
                _remove(path.name.removesuffix(_OWNER))


def folder(name: str) -> Path:
    """On the disk of the cluster's own."""
    return STATE / name


def _remove(name: str) -> None:
    processes.stop(name)
    shutil.rmtree(folder(name), ignore_errors=True)
    dynamic = objects.client()
    for kind in ("ConfigMap", "Secret"):
        try:
            dynamic.resources.get(api_version="v1", kind=kind).delete(name=name, namespace=argo.NAMESPACE)
        except ApiException as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
    (RUN / f"{name}{_OWNER}").unlink(missing_ok=True)
