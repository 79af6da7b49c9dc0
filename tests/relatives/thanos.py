"""A Thanos Query over two Prometheis that hold the same, each behind a sidecar: an HA pair behind one address."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from unittest import mock

from tests.cluster.parts import build_thanos
from tests.cluster.processes import free_port
from tests.prometheus.fetch import fetch
from tests.prometheus.server import until
from tests.relatives.process import running

from validationrun.judging.ruletest import server as private
from validationrun.judging.ruletest.promtool_series import Value
from validationrun.judging.ruletest.server import PrivatePrometheus, find_binary, private_prometheus

_READY_SECONDS: Final = 60
_REPLICA: Final = "prometheus_replica"


class Thanos(PrivatePrometheus):
    """One that runs, and the replicas that it asks."""

    def __init__(self, url: str, replicas: Sequence[PrivatePrometheus]) -> None:
        super().__init__(url)
        self._replicas = replicas

    def write(self, series: Sequence[tuple[bytes, Sequence[tuple[int, Value]]]]) -> None:
        """Samples, to each replica; what was written can be asked for at once."""
        for replica in self._replicas:
            replica.write(series)


@contextlib.contextmanager
def thanos() -> Iterator[Thanos]:
    """An empty one that answers; gone when the block ends."""
    program = build_thanos()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="validationrun-thanos-")))
        replicas, stores = [], []
        for name in ("a", "b"):
            replica = stack.enter_context(_replica(name))
            replicas.append(replica)
            stores.append(f"127.0.0.1:{free_port()}")
            sidecar = [f"--prometheus.url={replica.url}", f"--grpc-address={stores[-1]}"]
            stack.enter_context(running(folder / name, [str(program), "sidecar", *sidecar, _http(free_port())]))
        port = free_port()
        asked = [f"--endpoint={store}" for store in stores]
        query = [
            "query",
            *asked,
            f"--query.replica-label={_REPLICA}",
            f"--grpc-address=127.0.0.1:{free_port()}",
            _http(port),
        ]
        stack.enter_context(running(folder / "query", [str(program), *query]))
        url = f"http://127.0.0.1:{port}"
        until(lambda: _sees_both(url), _READY_SECONDS, "Thanos sees both replicas")
        server = Thanos(url, replicas)
        stack.callback(server.close)
        yield server


def _replica(name: str) -> contextlib.AbstractContextManager[PrivatePrometheus]:
    """A Prometheus of rule tests, which says who it is."""
    config: dict[str, Any] = {
        **private._CONFIG,
        "global": {**private._CONFIG["global"], "external_labels": {_REPLICA: name}},
    }

    @contextlib.contextmanager
    def started() -> Iterator[PrivatePrometheus]:
        with mock.patch.object(private, "_CONFIG", config), private_prometheus(find_binary()) as prometheus:
            yield prometheus

    return started()


def _http(port: int) -> str:
    return f"--http-address=127.0.0.1:{port}"


def _sees_both(url: str) -> bool:
    return fetch(f"{url}/api/v1/stores", timeout_s=2).count(_REPLICA.encode()) >= 2
