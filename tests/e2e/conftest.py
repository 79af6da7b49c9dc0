"""What every end-to-end test needs of the cluster: the definition of SeiNodeDeployment."""

import os

import pytest
from tests.chain.operator.loop import connect, install_crd
from tests.e2e.world import KUBECONFIG


@pytest.fixture(scope="session", autouse=True)
def definition() -> None:
    """Idempotent, so that workers side by side may all do it."""
    context = os.environ.get("E2E_CONTEXT")
    install_crd(connect(None if context else str(KUBECONFIG), context))
