"""Checks that the load uses no endpoint which its chain does not serve."""

from collections.abc import Iterator
from typing import Final

from validationrun.compiling.endpoint_uses import endpoint_uses
from validationrun.compiling.listeners import unserved_kinds
from validationrun.spec.findings import Finding, Severity, format_path
from validationrun.spec.v1alpha1 import ValidationRun

_NAMES: Final = {"rpc": "RPC", "evm": "EVM", "ws": "WebSocket", "rest": "REST"}
_SWITCHES: Final = {"evm": "evm.http_enabled", "ws": "evm.ws_enabled"}


def unserved_endpoints(run: ValidationRun) -> Iterator[Finding]:
    """On such a chain the text stays without a URL, so that the load fails and the chain gets the blame."""
    load, chain = run.spec.load, run.spec.chain
    if load is None or not (missing := unserved_kinds(chain)):
        return
    for use in endpoint_uses(load):
        if use.kind not in missing:
            continue
        if chain.endpoints is not None:
            served = f"spec.chain.endpoints names no {use.kind}"
            way = f"give the URL in spec.chain.endpoints.{use.kind}, or leave {use.token} out"
        else:
            served = f"no full node serves {_NAMES[use.kind]}"
            way = f"let a full node serve it (overrides: {_SWITCHES[use.kind]}), or leave {use.token} out"
        words = f"uses {use.token}, which has no URL" if use.certain else f"names {use.token}, which is empty"
        severity = Severity.ERROR if use.certain else Severity.WARNING
        yield Finding("VR423", use.loc, f"{format_path(use.loc)} {words}: {served}", way, severity, token=use.token)


CHECKS = (unserved_endpoints,)
