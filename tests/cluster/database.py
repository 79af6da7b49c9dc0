"""A PostgreSQL of a test's own, from the distribution, on this machine's loopback."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.cluster import argo, host, objects, processes
from tests.cluster.temporary import folder, temporary

_USER: Final = "postgres"
_AS_USER: Final = ("setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups")
"""It refuses to run as root."""

_STARTS_SECONDS: Final = 60


@contextlib.contextmanager
def persistence() -> Iterator[Mapping[str, Any]]:
    """A fresh database, as the value of `persistence` in a controller's ConfigMap."""
    host.install_packages()
    with temporary("database") as name:
        port = _start(name)
        metadata = {"name": name, "namespace": argo.NAMESPACE}
        objects.apply([{"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"user": _USER}}])
        where = {"host": "127.0.0.1", "port": port, "database": _USER, "tableName": "argo_workflows"}
        # It trusts everybody; Argo wants a password all the same.
        secrets = {key: {"name": name, "key": "user"} for key in ("userNameSecret", "passwordSecret")}
        # Written as Argo reads it.
        yield {"nodeStatusOffLoad": True, "archive": False, "postgresql": {**where, **secrets}}


def _start(name: str) -> int:
    programs = _programs()
    data = folder(name)
    data.mkdir(mode=0o700)
    shutil.chown(data, _USER, _USER)
    host.run(
        *_AS_USER, str(programs / "initdb"), "-D", str(data), "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8"
    )
    port = processes.free_port()
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={data}", "-F"]
    processes.start(name, [*_AS_USER, programs / "postgres", "-D", data, "-p", str(port), *options])
    ready = (str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port))
    processes.wait(name, "it answers", lambda: host.succeeds(*ready), _STARTS_SECONDS)
    return port


def _programs() -> Path:
    """Debian has one folder for each major version."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
