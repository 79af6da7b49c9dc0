"""A cluster whose controller has the other API of a chain, as before or after June 2026."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.e2e.checks import check_outcome
from tests.e2e.running import CASES, prepare, run_to_its_end
from tests.e2e.world import World, until

from validationrun.kube.cluster import SEI_NETWORKS, SEI_NODE_DEPLOYMENTS, SEI_NODES, Resource

DEFINITIONS: Final = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)
KINDS: Final = {"SeiNetwork": SEI_NETWORKS, "SeiNodeDeployment": SEI_NODE_DEPLOYMENTS}
_NOTICED_SECONDS: Final = 3
"""For every reader of the API server's list of kinds."""


@contextlib.contextmanager
def not_served(world: World, kind: Resource) -> Iterator[None]:
    """The definition stays, and its one version is not served: for a client the kind does not exist."""
    name = f"{kind.plural}.{kind.group}"
    definition = world.cluster.get(DEFINITIONS, name)
    assert definition is not None
    versions = definition["spec"]["versions"]
    try:
        world.cluster.patch(DEFINITIONS, name, {"spec": {"versions": [{**one, "served": False} for one in versions]}})
        until("the kind is gone", lambda: not world.cluster.serves(kind), 60)
        time.sleep(_NOTICED_SECONDS)
        yield
    finally:
        world.cluster.patch(DEFINITIONS, name, {"spec": {"versions": versions}})
        until("the kind is there again", lambda: world.cluster.serves(kind), 60)
        time.sleep(_NOTICED_SECONDS)


@pytest.mark.alone
@pytest.mark.parametrize("api", KINDS)
def test_chain_api_missing(api: str, tmp_path: Path) -> None:
    """The run ends before it creates anything, and says which API the cluster has."""
    with World.open(f"no-{api.lower()}"[:24]) as world:
        case = CASES[f"no-{api.lower()}"]
        prepared = prepare(world, tmp_path, case["spec"])
        assert world.cluster.serves(SEI_NODES)
        with not_served(world, KINDS[api]):
            outcome = run_to_its_end(world, prepared)
        check_outcome(world, case["expect"], outcome)
