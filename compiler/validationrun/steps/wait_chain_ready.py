"""`wait-chain-ready`: waits until the chain serves blocks, because a Ready chain may not serve any yet."""

import logging
from typing import Final

from validationrun.base.times import format_time, parse_time
from validationrun.contract.bundle import Bundle
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.plan_json import PlannedChain
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.sei import SeiNode
from validationrun.oracle.outcome import RunReason
from validationrun.steps.chain_objects import (
    POLL_SECONDS,
    ChainFailedError,
    conclude,
    deployment_statuses,
    exit_code,
    own_object,
    references,
)
from validationrun.steps.context import Context
from validationrun.steps.probes import Unanswered, evm_block_number, is_unresolved, synced_height, websocket_problem
from validationrun.steps.suite_look import SuiteLook

logger = logging.getLogger(__name__)


def wait_chain_ready(context: Context) -> int:
    """Waits until every full node serves, and records that, or why not. Returns the step's exit code."""
    record = Record.read(context.cluster, context.identity)
    ready = record.get(ChainReady) if record is not None else None
    if ready is not None or (record is not None and record.sealed):
        logger.info("the record has this step's result already, or the run has its verdict")
        return exit_code(ready)
    chain = record.get(ChainEntry) if record is not None else None
    if record is None or chain is None or record.chain_failure is not None:
        logger.info("there is no chain to wait for")
        return 0
    bundle = Bundle.mounted(context.bundle_dir, context.bundle_hash)
    planned, reason, message = bundle.plan.chain, None, None
    try:
        started_at = parse_time(record.need(RunEntry).started_at)
        _wait(context, SuiteLook(context, record), chain, planned, started_at + bundle.plan.seconds.chain_ready)
        logger.info("the chain serves")
    except ChainFailedError as error:
        reason, message = error.reason, str(error)
        logger.info("%s: %s", error.reason, error)
    deployments = deployment_statuses(context, planned, chain.chain_id)
    ready = ChainReady(format_time(context.now()), deployments, reason, message)
    return conclude(context, record, ready, "the chain serves")


def _wait(context: Context, suite: SuiteLook, chain: ChainEntry, planned: PlannedChain, deadline: float) -> None:
    seen: dict[str, int] = {}
    waiting: Final[set[str]] = set(chain.endpoints.rpc)
    evm_waiting, ws_waiting = set(chain.endpoints.evm), set(chain.endpoints.ws)
    last = ""
    while True:
        problems = _look_at_objects(context, planned, chain.chain_id)
        problems += _look_at_rpc(waiting, seen) + _look_at_evm(evm_waiting) + _look_at_ws(ws_waiting)
        if not problems:
            return
        if why := suite.ended():
            raise ChainFailedError(RunReason.CANCELLED, why)
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


def _look_at_objects(context: Context, planned: PlannedChain, chain_id: str) -> list[str]:
    """
    The SeiNodes of full nodes that are not Running. Of a SeiNodeDeployment the phase is not asked: the probes decide.

    Raises:
        ChainFailedError: an object is gone, or one of the nodes failed.
    """
    problems = []
    for entry in planned.deployments:
        for reference in references(planned.api, chain_id, entry):
            found = own_object(context, reference)
            if isinstance(found, SeiNode) and found.phase != "Running":
                problems.append(f"{reference}: phase is {found.phase or 'not set'}")
    return problems


def _look_at_rpc(waiting: set[str], seen: dict[str, int]) -> list[str]:
    """Probes each node that has not served yet. A node serves once its height is above its first probed height."""
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


def _look_at_ws(waiting: set[str]) -> list[str]:
    problems = []
    for url in sorted(waiting):
        problem = websocket_problem(url)
        if problem is not None:
            problems.append(str(problem))
        else:
            waiting.discard(url)
    return problems
