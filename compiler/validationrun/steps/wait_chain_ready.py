"""`wait-chain-ready`: a chain that is Ready may not serve a block; this step waits until it does."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from validationrun.base.times import format_time, parse_time
from validationrun.contract import record
from validationrun.contract.bundle import Bundle
from validationrun.contract.record import Record
from validationrun.kube.cluster import CHAIN_OBJECTS, Object
from validationrun.oracle.outcome import RunReason
from validationrun.steps.context import Context
from validationrun.steps.probes import Unanswered, evm_block_number, is_unresolved, synced_height
from validationrun.steps.sei_deployment import POLL_SECONDS, ChainFailedError, conclude, exit_code, own_deployment

logger = logging.getLogger(__name__)


def wait_chain_ready(context: Context) -> int:
    """Waits until every full node serves, and records that, or why not. Returns the step's exit code."""
    found = Record.read(context.cluster, context.identity)
    if found is not None and (found.sealed or found.get(record.CHAIN_READY) is not None):
        logger.info("the record has this step's result already, or the run has its verdict")
        return exit_code(found, record.CHAIN_READY)
    if found is None or found.get(record.CHAIN) is None or found.chain_failure is not None:
        logger.info("there is no chain to wait for")
        return 0
    bundle = Bundle.mounted(context.bundle_dir, context.bundle_hash)
    result: Object
    try:
        _wait(context, bundle, found)
        result = {}
        logger.info("the chain serves")
    except ChainFailedError as error:
        result = {"reason": error.reason, "message": str(error)}
        logger.info("%s: %s", error.reason, error)
    deployments = _deployments(context, found)
    result |= {"at": format_time(context.now()), "deployments": deployments}
    return conclude(context, found, record.CHAIN_READY, result, "the chain serves")


def _wait(context: Context, bundle: Bundle, found: Record) -> None:
    chain, run = found.need(record.CHAIN), found.need(record.RUN)
    urls = chain["endpoints"]
    deadline = parse_time(run["startedAt"]) + bundle.plan.seconds.chain_ready
    seen: dict[str, int] = {}
    waiting: Final[set[str]] = set(urls["rpc"])
    evm_waiting = set(urls["evm"])
    last = ""
    while True:
        for entry in run["deployments"]:
            own_deployment(context, f"{chain['chainId']}-{entry['name']}")
        problems = _look_at_rpc(waiting, seen) + _look_at_evm(evm_waiting)
        if not problems:
            return
        if context.now() >= deadline:
            reason = (
                RunReason.ENDPOINTS_NOT_RESOLVABLE if all(map(is_unresolved, problems)) else RunReason.CHAIN_NOT_READY
            )
            raise ChainFailedError(reason, f"not serving within timeouts.chainReady: {'; '.join(problems[:4])}")
        if problems[0] != last:
            more = f" and {len(problems) - 1} more" if problems[1:] else ""
            logger.info("waiting: %s%s", problems[0], more)
            last = problems[0]
        context.sleep(POLL_SECONDS)


def _look_at_rpc(waiting: set[str], seen: dict[str, int]) -> list[str]:
    """One look at each node that has not served yet; it serves once its height is above that of an earlier look."""
    problems = []
    for url in sorted(waiting):
        now = synced_height(url)
        if isinstance(now, Unanswered):
            problems.append(str(now))
        elif now > seen.setdefault(url, now):
            waiting.discard(url)
        else:
            problems.append(f"{url}: height stays at {now}")
    return problems


def _look_at_evm(waiting: set[str]) -> list[str]:
    problems = []
    for url in sorted(waiting):
        number = evm_block_number(url)
        if isinstance(number, Unanswered):
            problems.append(str(number))
        else:
            waiting.discard(url)
    return problems


def _deployments(context: Context, found: Record) -> list[Object]:
    """For the status: what the controller says of each deployment."""
    chain, run = found.need(record.CHAIN), found.need(record.RUN)
    return [_deployment(context, entry, f"{chain['chainId']}-{entry['name']}") for entry in run["deployments"]]


def _deployment(context: Context, entry: Mapping[str, Any], name: str) -> Object:
    deployed = context.cluster.get(CHAIN_OBJECTS, name) or {}
    spec = (((deployed.get("spec") or {}).get("template") or {}).get("spec")) or {}
    return {
        "name": entry["name"],
        "role": entry["role"],
        "sndName": name,
        "phase": (deployed.get("status") or {}).get("phase"),
        "image": spec.get("image"),
        "imageID": None,
    }
