"""The images that the cluster and its tests need."""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.cluster.host import HostError
from tests.cluster.layout import (
    CHAIN_IMAGE,
    EXECUTOR_IMAGE,
    OLDER_EXECUTOR_IMAGE,
    PAUSE_IMAGE,
    REPOSITORY,
    RUNNER_IMAGE,
    STATE,
)
from tests.cluster.oci import Image, import_image, is_imported, layer
from tests.cluster.parts import Parts, cached, say

_MARKS: Final = STATE / "images"
_RUNTIME_LOCK: Final = REPOSITORY / "requirements" / "runtime.txt"
_RUNNER_UID: Final = 8737
_PACKAGES_IN_ROOT: Final = "python3-minimal,ca-certificates,libpython3-stdlib"
_SITE: Final = "usr/lib/python3/dist-packages"
_LAYOUT: Final = "2"
"""Changes with how the layers are made."""


def build_all(built: Parts) -> None:
    """Everything that the tests need; what is imported already, with the same content, costs nothing."""
    from_binaries(PAUSE_IMAGE, [built.programs["pause"]], entrypoint=("/pause",))
    _executor(EXECUTOR_IMAGE, built)
    runner()


def older_executor(built: Parts) -> None:
    """For Workflows of the older line of Argo."""
    _executor(OLDER_EXECUTOR_IMAGE, built)


def _executor(name: str, built: Parts) -> None:
    from_binaries(name, [built.programs["argoexec"]], entrypoint=("/bin/argoexec",), folder="bin/")


def from_binaries(name: str, binaries: Iterable[Path], *, entrypoint: tuple[str, ...] = (), folder: str = "") -> None:
    """An image of nothing but static programs."""
    files = {f"{folder}{path.name}": path for path in binaries}
    key = _content_key([entrypoint, sorted(files)], files.values())
    if _is_current(name, key):
        return
    with tempfile.TemporaryDirectory() as scratch:
        made = layer(Path(scratch) / "layer.tar", files)
        import_image(Image(name, (made,), entrypoint))
    _mark(name, key)
    say(f"imported {name}")


def runner() -> None:
    """
    What Dockerfile makes, on a root of the distribution's: Python, the locked packages, the product.

    Three layers, so that a change of the product moves only the last.
    """
    root = cached(f"python-root-{_text_key(_PACKAGES_IN_ROOT)}", _python_root) / "root.tar"
    version = (root.parent / "version").read_text()
    lock = _text_key(_RUNTIME_LOCK.read_text() + version + _LAYOUT)
    packages = cached(f"runner-packages-{lock}", lambda target: _packages(target, version)) / "layer.tar"
    sources = sorted(path for path in _sources() if path.is_file())
    key = _content_key([lock, _PACKAGES_IN_ROOT, _LAYOUT], sources)
    if _is_current(RUNNER_IMAGE, key):
        return
    with tempfile.TemporaryDirectory() as scratch:
        product = _product(Path(scratch), version)
        environment = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PATH": "/usr/local/bin:/usr/bin:/bin"}
        user = f"{_RUNNER_UID}:{_RUNNER_UID}"
        command = ("validationrun-runner",)
        import_image(Image(RUNNER_IMAGE, (root, packages, product), (), command, environment, user))
    _mark(RUNNER_IMAGE, key)
    say(f"imported {RUNNER_IMAGE}")


def _sources() -> list[Path]:
    folders = ("compiler", "templates", "schemas")
    found = [path for folder in folders for path in (REPOSITORY / folder).rglob("*") if "__pycache__" not in path.parts]
    return [*found, REPOSITORY / "pyproject.toml"]


def _python_root(target: Path) -> None:
    """A Debian or Ubuntu of the machine's own release with Python, and little else."""
    codename = _release()["VERSION_CODENAME"]
    command = [
        "mmdebstrap",
        "--mode=root",
        "--variant=essential",
        f"--include={_PACKAGES_IN_ROOT}",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--customize-hook=rm -rf $1/var/cache/apt $1/var/lib/apt/lists $1/var/log",
        codename,
        str(target / "root.tar"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HostError(f"mmdebstrap failed:\n{done.stderr[-1500:]}")

    with tarfile.open(target / "root.tar") as tar:
        names = [name for name in tar.getnames() if name.startswith("./usr/bin/python3.")]
    (target / "version").write_text(names[0].removeprefix("./usr/bin/python"))


def _release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text().splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}


def _packages(target: Path, version: str) -> None:
    """The locked packages for the root's Python, as a layer."""
    site = target / "site"
    uv = Path(sys.executable).with_name("uv")
    command = [
        str(uv), "pip", "install", "-q", "--python-version", version, "--python-platform", "linux", "--only-binary", ":all:",
        "--require-hashes", "--no-deps", "--target", str(site), "-r", str(_RUNTIME_LOCK),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HostError(f"the runner's packages: {done.stderr[-1500:]}")
    _precompile(site, version)
    files = {f"{_SITE}/{path.relative_to(site)}": path for path in site.rglob("*") if path.is_file()}
    layer(target / "layer.tar", {**files, "etc/passwd": _accounts(target)})
    shutil.rmtree(site)


def _precompile(folder: Path, version: str) -> None:
    """
    As the Dockerfile does: on a read-only root each start of a step would compile it all again.

    Where no Python of the root's version is at hand it stays as it is, which is slower and no less right.
    """
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    for python in (sys.executable, "/usr/bin/python3", f"python{version}"):
        found = shutil.which(python)
        ask = [str(found), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if found and subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip() == version:
            command = [
                found,
                "-m",
                "compileall",
                "-q",
                "-f",
                "--invalidation-mode",
                "unchecked-hash",
                "-s",
                str(folder),
            ]
            # The exit code tells of files that are templates and no Python.
            subprocess.run([*command, "-p", f"/{_SITE}", str(folder)], capture_output=True, check=False)
            return
    say(f"no Python {version} to compile the runner's packages with")


def _accounts(target: Path) -> Path:
    path = target / "passwd"
    path.write_text(f"root:x:0:0:root:/root:/bin/sh\nrunner:x:{_RUNNER_UID}:{_RUNNER_UID}:runner:/tmp:/bin/sh\n")
    return path


def _product(scratch: Path, version: str) -> Path:
    """The wheel's content, its console script, and nothing built."""
    wheels = scratch / "wheels"
    hatchling = Path(sys.executable).with_name("hatchling")
    done = subprocess.run(
        [str(hatchling), "build", "-t", "wheel", "-d", str(wheels)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise HostError(f"the wheel: {done.stderr[-1500:]}")
    unpacked = scratch / "unpacked"
    (wheel,) = wheels.glob("*.whl")
    shutil.unpack_archive(wheel, unpacked, "zip")
    _precompile(unpacked, version)
    script = scratch / "validationrun-runner"
    script.write_text("#!/usr/bin/python3\nfrom validationrun.steps.start import main\n\nmain()\n")
    script.chmod(0o755)
    files = {f"{_SITE}/{path.relative_to(unpacked)}": path for path in unpacked.rglob("*") if path.is_file()}
    accounts = _accounts(scratch)
    return layer(
        scratch / "product.tar", {**files, "usr/local/bin/validationrun-runner": script, "etc/passwd": accounts}
    )


def chain() -> None:
    """The chain, its EVM and their load generators: two programs."""
    from tests.chain.build import build, build_evm

    from_binaries(CHAIN_IMAGE, [build(), build_evm()])


def _text_key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _content_key(facts: object, files: Iterable[Path]) -> str:
    digest = hashlib.sha256(json.dumps(facts).encode())
    for path in files:
        digest.update(f"{path}\0".encode())
        with path.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def _mark_of(name: str) -> Path:
    return _MARKS / name.replace("/", "_").replace(":", "_")


def _is_current(name: str, key: str) -> bool:
    mark = _mark_of(name)
    return mark.exists() and mark.read_text() == key and is_imported(name)


def _mark(name: str, key: str) -> None:
    _MARKS.mkdir(parents=True, exist_ok=True)
    _mark_of(name).write_text(key)
