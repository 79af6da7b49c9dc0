"""The fixtures of prometheus_kit and docker_kit, and a Python for workloads."""

import sys

import pytest

from docker_kit import fake_docker
from prometheus_kit import proxied, shared_exporter, shared_prometheus

__all__ = ["fake_docker", "proxied", "python", "shared_exporter", "shared_prometheus"]


@pytest.fixture
def python() -> str:
    """The interpreter of the tests."""
    return sys.executable
