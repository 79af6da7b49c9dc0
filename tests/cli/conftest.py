"""A cluster for the command line: a fake API server over HTTP, and a kubeconfig that names it."""

import pathlib
from collections.abc import Iterator

import pytest

from fake_api_server import FakeApiServer, serving
from runner_helpers import NAMESPACE, FakeCluster
from runs_kit import argo
from validationrun.kube.cluster import NAMESPACES


@pytest.fixture
def api(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApiServer]:
    with serving(FakeCluster()) as fake:
        fake.cluster.on_get = lambda: argo(fake)
        fake.cluster.put(NAMESPACES, {"metadata": {"name": NAMESPACE}})
        monkeypatch.setenv("KUBECONFIG", str(fake.kubeconfig(tmp_path / "kubeconfig")))
        yield fake
