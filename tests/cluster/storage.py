"""An S3 server of a test's own, where pods reach it: versitygw, over a folder of this machine."""

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.cluster import parts, processes
from tests.cluster.layout import HOST
from tests.cluster.temporary import folder, temporary

_REGION: Final = "eu-test-1"
_STARTS_SECONDS: Final = 60


@dataclass(frozen=True)
class Storage:
    """
    A running server.

    Attributes:
        endpoint: as a spec names it: without TLS.
        root: its buckets are folders in it, and its objects files in these.
        executor: the value of `executor` in the ConfigMap of a controller whose artifacts go to it.
    """

    endpoint: str
    root: Path
    executor: Mapping[str, Any]

    @property
    def region(self) -> str:
        return _REGION

    def create(self, bucket: str) -> Path:
        """An empty bucket; the folder that it is."""
        made = self.root / bucket
        made.mkdir()
        return made


@contextlib.contextmanager
def storage() -> Iterator[Storage]:
    """One without buckets. Whoever asks it must sign with the key of `executor`."""
    program = parts.build_storage()
    with temporary("storage") as name:
        port, key, secret = processes.free_port(HOST), secrets.token_hex(10), secrets.token_hex(20)
        root, metadata = folder(name) / "buckets", folder(name) / "metadata"
        for one in (root, metadata):
            one.mkdir(parents=True, mode=0o700)
        settings = {"ROOT_ACCESS_KEY": key, "ROOT_SECRET_KEY": secret, "VGW_META_SIDECAR": str(metadata)}
        command = [program, "--port", f"{HOST}:{port}", "--region", _REGION, "--health", "/health", "posix", root]
        processes.start(name, command, settings)
        processes.wait(name, "it answers", lambda: processes.answers(f"http://{HOST}:{port}/health"), _STARTS_SECONDS)
        signs = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": _REGION}
        environment = [{"name": variable, "value": value} for variable, value in signs.items()]
        yield Storage(f"http://{HOST}:{port}", root, {"env": environment})
