"""Images from no registry: an OCI archive of local files, imported into the cluster's containerd."""

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.cluster.host import run
from tests.cluster.layout import CONTAINERD_SOCKET

_NOBODY: Final = 65532
_INDEX: Final = "application/vnd.oci.image.index.v1+json"
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class Image:
    """
    What an image is made of.

    Attributes:
        layers: tar files, the lowest first.
        user: `uid:gid`.
    """

    name: str
    layers: tuple[Path, ...]
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = f"{_NOBODY}:{_NOBODY}"


def layer(target: Path, files: Mapping[str, Path], folders: Iterable[str] = ()) -> Path:
    """A tar of files (place in the image -> local file), all readable and, when they were, executable by everybody."""
    with tarfile.open(target, "w") as tar:
        for name in [*folders, "tmp"]:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(entry)
        accounts = f"root:x:0:0:root:/:/\nnobody:x:{_NOBODY}:{_NOBODY}:nobody:/tmp:/\n".encode()
        if "etc/passwd" not in files:
            entry = tarfile.TarInfo("etc/passwd")
            entry.size, entry.mode = len(accounts), 0o644
            tar.addfile(entry, io.BytesIO(accounts))
        for name, path in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as content:
                tar.addfile(entry, content)
    return target


def import_image(image: Image) -> None:
    """Makes the archive and hands it to containerd, for the kubelet's namespace."""
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "image.tar"
        _archive(image, archive)
        # The archive's own layers must not be unpacked over what is there under the same content: they are the same.
        run("ctr", "--address", str(CONTAINERD_SOCKET), "-n", "k8s.io", "images", "import", "--no-unpack", str(archive))


def is_imported(name: str) -> bool:
    """The kubelet would find it."""
    return name in run("ctr", "--address", str(CONTAINERD_SOCKET), "-n", "k8s.io", "images", "list", "-q").split()


def _archive(image: Image, target: Path) -> None:
    with tarfile.open(target, "w") as tar:
        layers = [_add_file(tar, path) for path in image.layers]
        config = _add_json(
            tar,
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {
                    "User": image.user,
                    "Entrypoint": list(image.entrypoint) or None,
                    "Cmd": list(image.command) or None,
                    "Env": [f"{key}={value}" for key, value in image.environment.items()],
                    "WorkingDir": "/",
                },
                "rootfs": {"type": "layers", "diff_ids": [digest for digest, _ in layers]},
            },
        )
        manifest = _add_json(
            tar,
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": _descriptor(_CONFIG, *config),
                "layers": [_descriptor(_LAYER, *one) for one in layers],
            },
        )
        named = {**_descriptor(_MANIFEST, *manifest), "annotations": {"io.containerd.image.name": image.name}}
        index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [named]}
        _add(tar, "index.json", json.dumps(index).encode())
        _add(tar, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest, "size": size}


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _add_json(tar: tarfile.TarFile, document: Any) -> tuple[str, int]:
    content = json.dumps(document).encode()
    digest = hashlib.sha256(content).hexdigest()
    _add(tar, f"blobs/sha256/{digest}", content)
    return f"sha256:{digest}", len(content)


def _add_file(tar: tarfile.TarFile, path: Path) -> tuple[str, int]:
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    tar.add(path, f"blobs/sha256/{digest}")
    return f"sha256:{digest}", path.stat().st_size
