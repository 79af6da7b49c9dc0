"""The programs of the cluster, built from their Go modules once and cached by their content."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tests.cluster.layout import HERE, REPOSITORY

_PARTS: Final = HERE / "parts"
_KUBERNETES_NAMES: Final = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
)
_KUBERNETES_VERSION: Final = "v1.34.9"
_STRIP: Final = "-s -w"


@dataclass(frozen=True)
class _Argo:
    """A line of Argo: its folder in `parts`, whose go.mod has the version, its module, and which of its programs are built."""

    folder: str
    module: str
    programs: tuple[str, ...]


_ARGO: Final = _Argo("argo", "github.com/argoproj/argo-workflows/v4", ("argo", "argoexec", "workflow-controller"))
_OLDER_ARGO: Final = _Argo("argo-3.7", "github.com/argoproj/argo-workflows/v3", ("argoexec", "workflow-controller"))


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(f"cluster: {text}", file=sys.stderr, flush=True)


def load_judge() -> ModuleType:
    """tests/judge/judge.py finds or fetches Go, and knows how Argo's module is built."""
    name = "validationrun_judge"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, REPOSITORY / "tests" / "judge" / "judge.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def cache_folder() -> Path:
    """Outside of the checkout, so that every clone on a machine shares what took most of an hour to build."""
    root = os.environ.get("VALIDATIONRUN_CACHE")
    if root:
        return Path(root).absolute() / "cluster"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "validationrun" / "cluster"


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The cache's folder of that name, filled by `make` when it is not there; whole or not at all, and made once."""
    target = cache_folder() / name
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with load_judge().lock(target.parent / f"{name}.lock"):
        if not target.exists():
            began = time.monotonic()
            say(f"building {name.rsplit('-', 1)[0]}")
            with tempfile.TemporaryDirectory(dir=target.parent, prefix="making-") as scratch:
                unfinished = Path(scratch) / "made"
                unfinished.mkdir()
                make(unfinished)
                unfinished.rename(target)
            say(f"built {name.rsplit('-', 1)[0]} in {time.monotonic() - began:.0f}s")
    return target


def _part(name: str, go: Any, make: Callable[[Path], None]) -> Path:
    return cached(f"{name}-{load_judge().source_key(_PARTS / name, go)}", make)


def _build(go: Any, cwd: Path, output: Path, package: str, flags: str, tags: str = "") -> None:
    """One program. On failure the compiler's own last lines are the message."""
    judge = load_judge()
    command = [go.command, "build", *judge.BUILD_FLAGS, "-tags", tags, "-ldflags", flags, "-o", str(output), package]
    environment = {**judge.go_environment(), "CGO_ENABLED": "0"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"go build {package} failed:\n{done.stderr[-2000:]}")


@dataclass(frozen=True)
class Parts:
    """Programs by name, and the folder with Argo's own resource definitions."""

    programs: dict[str, Path]
    argo_crds: Path


def build() -> Parts:
    """Everything that is built; 15 to 40 minutes of two cores the first time, nothing later."""
    judge = load_judge()
    go = judge.find_go()
    programs: dict[str, Path] = {}

    def kubernetes(target: Path) -> None:
        stamps = [
            f"-X k8s.io/{where}.gitVersion={_KUBERNETES_VERSION}"
            for where in ("component-base/version", "client-go/pkg/version")
        ]
        _build(go, _PARTS / "kubernetes", target / "kubernetes", ".", " ".join([_STRIP, *stamps]))

    def single(name: str) -> Callable[[Path], None]:
        return lambda target: _build(go, _PARTS / name, target / name, ".", _STRIP)

    binary = _part("kubernetes", go, kubernetes) / "kubernetes"
    programs.update(dict.fromkeys(_KUBERNETES_NAMES, binary))
    for name in ("etcd", "coredns", "pause"):
        programs[name] = _part(name, go, single(name)) / name
    argo = _build_argo(go, _ARGO)
    return Parts({**programs, **argo.programs}, argo.argo_crds)


def build_older_argo() -> Parts:
    """The older line of Argo that is supported; some minutes the first time."""
    return _build_argo(load_judge().find_go(), _OLDER_ARGO)


def build_storage() -> Path:
    """versitygw, an S3 server over a folder of this machine; some minutes the first time."""
    go, name = load_judge().find_go(), "versitygw"
    package = f"github.com/versity/versitygw/cmd/{name}"
    return _part(name, go, lambda target: _build(go, _PARTS / name, target / name, package, _STRIP)) / name


def build_prometheus_3() -> Path:
    """
    Prometheus 3, with promtool beside it; about a quarter of an hour the first time.

    Without service discovery but by files and HTTP, whose clients are a third of what there is to compile.
    """
    judge = load_judge()
    go, module, source = judge.find_go(), "github.com/prometheus/prometheus", _PARTS / "prometheus"
    # The module's v0.316.0 is version 3.16.0.
    minor, patch = judge.required_version(source / "go.mod", module).split(".")[1:]
    version = f"{minor[:-2]}.{int(minor[-2:])}.{patch}"
    flags = f"{_STRIP} -X github.com/prometheus/common/version.Version={version}"

    def make(target: Path) -> None:
        for name in ("prometheus", "promtool"):
            _build(go, source, target / name, f"{module}/cmd/{name}", flags, "remove_all_sd")

    return _part("prometheus", go, make) / "prometheus"


def build_thanos() -> Path:
    """Thanos, without service discovery but by files and HTTP; about a quarter of an hour the first time."""
    go, package = load_judge().find_go(), "github.com/thanos-io/thanos/cmd/thanos"
    # slicelabels: how Thanos' own build lays out labels.
    tags = "slicelabels,remove_all_sd"
    return (
        _part("thanos", go, lambda target: _build(go, _PARTS / "thanos", target / "thanos", package, _STRIP, tags))
        / "thanos"
    )


def build_k6() -> Path:
    """The load generator k6; some minutes the first time."""
    go, name = load_judge().find_go(), "k6"
    return _part(name, go, lambda target: _build(go, _PARTS / name, target / name, "go.k6.io/k6", _STRIP)) / name


def _build_argo(go: Any, argo: _Argo) -> Parts:
    folder = _part(argo.folder, go, lambda target: _compile_argo(go, argo, target))
    return Parts({name: folder / name for name in argo.programs}, folder / "crds")


def _compile_argo(go: Any, argo: _Argo, target: Path) -> None:
    """From a copy of the module: upstream's signal_linux.go is a symbolic link, which no module archive carries."""
    judge = load_judge()
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        work = Path(scratch)
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(_PARTS / argo.folder / name, work / name)
        source, _ = judge.module_folder(go, work, argo.module)
        judge.copy_files(source, work / "argo", "*")
        system = work / "argo" / "workflow" / "executor" / "osspecific"
        if not (system / "signal_linux.go").exists():
            shutil.copyfile(system / "signal_darwin.go", system / "signal_linux.go")
        with (work / "go.mod").open("a") as go_mod:
            go_mod.write(f"\nreplace {argo.module} => ./argo\n")
        flags = f"{_STRIP} -X {argo.module}.version={judge.required_version(work / 'go.mod', argo.module)}"
        # argo embeds the server's pages, which the module does not carry; one file is enough.
        (work / "argo" / judge.UI_FILE).parent.mkdir(parents=True)
        (work / "argo" / judge.UI_FILE).write_text(judge.UI_TEXT)
        for name in argo.programs:
            _build(go, work, target / name, f"{argo.module}/cmd/{name}", flags)
        judge.copy_files(source / "manifests/base/crds/full", target / "crds", "*.yaml")
