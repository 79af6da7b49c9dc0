"""Every generated object, those inside bundles too, by the real API server: a server-side dry run with strict fields."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.e2e.world import KINDS, REPOSITORY, World, documents

from validationrun.base import conventions
from validationrun.base.hashing import bundle_hash
from validationrun.contract import parameters
from validationrun.contract.bundle import Bundle
from validationrun.contract.owned_record import Identity

GENERATED: Final = sorted((REPOSITORY / "generated").glob("*/*"))
IDENTITY: Final = Identity("dry-run-x7k2p", "0f8fad5b-d9cb-469f-a165-70867728950e", "placeholder")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.open("dry-run") as opened:
        yield opened


@pytest.mark.parametrize("folder", GENERATED, ids=[path.name for path in GENERATED])
def test_every_object_passes_a_server_side_dry_run(folder: Path, world: World) -> None:
    checked = 0
    for path in sorted(folder.glob("*.yaml")):
        if path.name == "kustomization.yaml":
            continue
        for document in documents(path.read_text()):
            _dry_run(world, document)
            checked += 1
            # A suite's steps create Workflows; test_suites.py and test_suite_admission.py ask for those.
            if path.name == "bundle.yaml" and conventions.BUNDLE_PLAN in document["data"]:
                checked += _dry_run_bundle(world, document)
    # A schedule is a CronWorkflow and its alert.
    assert checked > 3 or (checked == 2 and (folder / "cronworkflow.yaml").exists())


def _dry_run(world: World, document: dict[str, Any]) -> None:
    metadata = document["metadata"]
    if "namespace" in metadata:
        metadata = {**metadata, "namespace": world.namespace}
    world.cluster.create(KINDS[document["kind"]], {**document, "metadata": metadata}, dry_run=True)


def _dry_run_bundle(world: World, document: dict[str, Any]) -> int:
    """The objects that the steps create, filled as the steps fill them."""
    bundle = Bundle(document["data"])
    assert bundle_hash(bundle.data) == document["metadata"]["annotations"]["validation.sei.io/bundle-hash"]
    chain_id = parameters.effective_chain_id(bundle.plan, {}, IDENTITY.uid)
    filled = parameters.run_values(bundle.plan, IDENTITY, chain_id, {})
    keys = [key for key in bundle.data if key == "job.yaml" or key.startswith("chain.")]
    for key in keys:
        _dry_run(world, bundle.manifest(key, {**filled, "ordinal": "0"}, {}))
    return len(keys)


def test_the_dry_run_can_fail(world: World) -> None:
    """A field that no kind has, a name that is none: the API server says so."""
    folder = GENERATED[0]
    (template,) = documents((folder / "workflowtemplate.yaml").read_text())
    with pytest.raises(Exception, match="unknown field"):
        _dry_run(world, {**template, "spec": {**template["spec"], "entryPoint": "main"}})
    with pytest.raises(Exception, match="Invalid value"):
        _dry_run(world, {**template, "metadata": {**template["metadata"], "name": "Not_A_Name"}})
