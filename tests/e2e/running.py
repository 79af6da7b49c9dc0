"""One run of a case: its spec, its access files, what is done to it meanwhile, and what it came to."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from tests.e2e import finalize_faults  # noqa: F401 - registers its faults
from tests.e2e.apis import with_twins
from tests.e2e.faults import Faults
from tests.e2e.setups import EARLY, SETUPS
from tests.e2e.world import KUBECONFIG, REPOSITORY, World, as_json, merge

from validationrun.kube.cluster import WORKFLOWS, Object

HERE: Final = Path(__file__).resolve().parent
BASE: Final = yaml.safe_load((HERE / "base.yaml").read_text())
CASES: Final = with_twins(yaml.safe_load((HERE / "cases.yaml").read_text()), BASE)
LONGEST: Final = "9m"


@dataclass(frozen=True)
class Prepared:
    """
    A spec whose access files are in force.

    Attributes:
        arguments: of `submit`, that the case's set-up asks for.
        before: everything that the namespace held.
    """

    spec: Path
    document: Object
    out: Path
    arguments: list[str]
    before: set[str]


@dataclass(frozen=True)
class Outcome:
    """
    What a run came to.

    Attributes:
        status: as `submit --wait` printed it.
        code: its exit code.
        document: the spec.
    """

    status: Object
    code: int
    workflow: Object
    document: Object
    before: set[str]

    @property
    def name(self) -> str:
        return str(self.workflow["metadata"]["name"])


@contextlib.contextmanager
def run_operator(world: World, *, quiet: bool = False) -> Iterator[None]:
    """The stand-in operator, for one namespace, as long as it is needed."""
    command = [
        sys.executable,
        "-m",
        "tests.chain.operator",
        "--namespace",
        world.namespace,
        "--parent",
        str(os.getpid()),
    ]
    context = os.environ.get("E2E_CONTEXT")
    command += ["--context", context] if context else ["--kubeconfig", str(KUBECONFIG)]
    operator = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL if quiet else None)
    try:
        yield
    finally:
        operator.terminate()
        operator.wait(30)


def prepare(
    world: World,
    folder: Path,
    patch: Mapping[str, Any] | None = None,
    *,
    options: Sequence[str] = (),
    setup: Sequence[Mapping[str, Any]] = (),
) -> Prepared:
    """
    The spec of a run in this namespace, compiled, its access files applied, the case's set-up done.

    Args:
        patch: merged into base.yaml.
        options: of `submit`, and of `compile` where it has them too.
        setup: steps by name, see setups.py.
    """
    document = merge(merge(BASE, {"metadata": {"namespace": world.namespace}}), dict(patch or {}))
    text = yaml.safe_dump(document).replace("NAMESPACE", world.namespace)
    document = yaml.safe_load(text)
    spec, out = folder / "run.yaml", folder / "out"
    spec.write_text(text)
    compiled = world.run_offline("compile", str(spec), "--out", str(out), *_of_compile(options))
    assert compiled.returncode == 0, compiled.stderr
    arguments = list(options)
    for step in setup:
        if step["do"] in EARLY:
            arguments += _set_up(world, step)
    world.grant(out / world.namespace / document["metadata"]["name"])
    for step in setup:
        if step["do"] not in EARLY:
            arguments += _set_up(world, step)
    return Prepared(spec, document, out, arguments, world.holdings())


def _of_compile(options: Sequence[str]) -> list[str]:
    """Without `--set NAME=VALUE`, which is about one run."""
    left = list(options)
    while "--set" in left:
        at = left.index("--set")
        del left[at : at + 2]
    return left


def _set_up(world: World, step: Mapping[str, Any]) -> list[str]:
    return SETUPS[step["do"]](world, {key: value for key, value in step.items() if key != "do"}) or []


def run_to_its_end(world: World, prepared: Prepared, faults: Sequence[Mapping[str, Any]] = ()) -> Outcome:
    """`submit --wait`, while the faults happen. A fault that could not be done fails the test."""
    with Faults(world, faults):
        submitted = world.run(
            "submit", str(prepared.spec), "--wait", "--timeout", LONGEST, "-o", "json", *prepared.arguments
        )
        print(submitted.stderr)
    assert submitted.stdout, submitted.stderr
    status = as_json(submitted.stdout)
    workflow = world.cluster.get(WORKFLOWS, status["runId"])
    assert workflow is not None
    return Outcome(status, submitted.returncode, workflow, prepared.document, prepared.before)


def start(world: World, prepared: Prepared, *more: str) -> Object:
    """`submit`, which waits for nothing; the Workflow that it made."""
    submitted = world.run("submit", str(prepared.spec), *prepared.arguments, *more)
    assert submitted.returncode == 0, submitted.stderr
    workflow = world.cluster.get(WORKFLOWS, submitted.stdout.strip())
    assert workflow is not None
    return workflow


def wait_to_its_end(world: World, prepared: Prepared, name: str) -> Outcome:
    """`wait`, for a run that was started by whatever means."""
    waited = world.run("wait", name, "-n", world.namespace, "--timeout", LONGEST, "-o", "json")
    print(waited.stderr)
    assert waited.stdout, waited.stderr
    workflow = world.cluster.get(WORKFLOWS, name)
    assert workflow is not None
    return Outcome(as_json(waited.stdout), waited.returncode, workflow, prepared.document, prepared.before)
