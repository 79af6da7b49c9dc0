"""The parameters of a submission, and the run-time values that follow from them."""

import json
import re
from collections.abc import Mapping
from typing import Final

from validationrun.base import conventions
from validationrun.base.durations import format_duration, parse_duration
from validationrun.contract.bundle import fill_template
from validationrun.contract.override import Override
from validationrun.contract.owned_record import Identity
from validationrun.contract.plan_json import PlanDocument
from validationrun.contract.run_entry import LoadPlan
from validationrun.oracle.prometheus_url import server_of

_NOT_OFFERED: Final = frozenset({conventions.PARAM_RUNNER_IMAGE, conventions.PARAM_SUITE})
_CHAIN_ID: Final = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]")
_MIN_SHARE: Final = 0.9
"""The default of `load.minDuration`, as a share of the effective duration."""
_URL: Final = re.compile(r"https?://[A-Za-z0-9.\-_~:/\[\]%]+(\?[A-Za-z0-9.\-_~:/\[\]%=&+,]*)?")


class ParameterError(Exception):
    """A parameter does not fit; the message names it and says what would."""


def submitted_parameters(plan: PlanDocument, given: Mapping[str, str]) -> dict[str, str]:
    """
    The effective parameters of a submission by a user, who cannot make a run a member of a suite.

    Raises:
        ParameterError
    """
    if conventions.PARAM_SUITE in given:
        raise ParameterError(f"{conventions.PARAM_SUITE} is given by a suite to its members, and by nobody else")
    return effective_parameters(plan, given)


def effective_parameters(plan: PlanDocument, given: Mapping[str, str]) -> dict[str, str]:
    """
    The parameters that have a value, each checked.

    Raises:
        ParameterError
    """
    values = {name: value for name, value in given.items() if value}
    for name, value in values.items():
        if name in plan.locked:
            raise ParameterError(f"the parameter {name} is locked: the run was compiled with --lock")
        if name not in plan.parameters:
            known = ", ".join(sorted(set(plan.parameters) - _NOT_OFFERED))
            raise ParameterError(f"there is no parameter {name}; {f'there are {known}' if known else 'there is none'}")
        _check(plan, name, value)
    # The template has a default for it, so that it is always given.
    runner = values.get(conventions.PARAM_RUNNER_IMAGE)
    if runner is not None and runner == plan.parameters[conventions.PARAM_RUNNER_IMAGE].compiled:
        del values[conventions.PARAM_RUNNER_IMAGE]
    return values


def overrides(plan: PlanDocument, parameters: Mapping[str, str]) -> list[Override]:
    """
    The effective parameters that differ from the compiled values, in the order of the template.

    Args:
        parameters: the effective ones.
    """
    found = []
    for name, planned in plan.parameters.items():
        value = parameters.get(name)
        if value is None or name == conventions.PARAM_SUITE:
            continue
        if name == conventions.PARAM_DURATION:
            same, compiled = duration_seconds(value) == plan.compiled_seconds, format_duration(plan.compiled_seconds)
        else:
            same, compiled = value == planned.compiled, planned.compiled
        if not same:
            found.append(Override(name, value, compiled))
    return found


def _check(plan: PlanDocument, name: str, value: str) -> None:
    if name == conventions.PARAM_CHAIN_ID:
        _check_chain_id(plan, name, value)
    elif name == conventions.PARAM_DURATION:
        longest = plan.compiled_seconds
        if not 0 < duration_seconds(value) <= longest:
            bounds = f"at least 1s and at most the compiled {format_duration(longest)}"
            raise ParameterError(f"{name} must be a duration of {bounds}; got {value!r}")
        _check_windows(plan, name, value)
    elif name == conventions.PARAM_PROMETHEUS_URL:
        if (problem := url_problem(value)) is not None:
            raise ParameterError(f"{name} {problem}")
    elif name == conventions.PARAM_SUITE:
        if not re.fullmatch(conventions.SUITE_PATTERN.strip("^$"), value):
            raise ParameterError(f"{name} must be the name of a suite's Workflow and its UID; got {value!r}")
    elif not re.fullmatch(conventions.IMAGE_PATTERN.strip("^$"), value):
        raise ParameterError(f"{name} must be an image reference; got {value!r}")


def _check_chain_id(plan: PlanDocument, name: str, value: str) -> None:
    longest = conventions.LONGEST_CHAIN_NAMES - max((len(entry.name) for entry in plan.chain.deployments), default=0)
    if not plan.chain.bring_up:
        raise ParameterError(f"{name}: this run uses an existing chain, whose id is {plan.chain.chain_id}")
    if not _CHAIN_ID.fullmatch(value) or len(value) > longest:
        raise ParameterError(
            f"{name} must be lower-case letters, digits and hyphens, at most {longest} characters; got {value!r}"
        )


def url_problem(url: str) -> str | None:
    """Why this cannot be the URL of a run's Prometheus, such as `must be an http or https URL`; None when it can."""
    if not _URL.fullmatch(url):
        # Messages are stored.
        got = "" if "@" in url else f"; got {url!r}"
        return f"must be an http or https URL without credentials and fragment, its parameters percent-encoded{got}"
    try:
        server_of(url)
    except ValueError as error:
        return f"cannot be used: {error}"
    return None


def _check_windows(plan: PlanDocument, name: str, value: str) -> None:
    """Refuses a duration that leaves a rule no window, because a window without a tick proves nothing."""
    for rule in plan.rules:
        if duration_seconds(value) <= rule.opening_seconds:
            first = format_duration(rule.opening_seconds)
            raise ParameterError(
                f"{name} must be longer than {first}: rule {rule.name} is first asked {first} after the start "
                f"(interval, startAfter), which {value} ends before; got {value!r}"
            )


def duration_seconds(text: str) -> int:
    """Seconds of a duration; 0 when the text is no duration."""
    try:
        return int(parse_duration(text))
    except ValueError:
        return 0


def effective_seconds(plan: PlanDocument, parameters: Mapping[str, str]) -> int:
    """Seconds of the load, or of a run without load: the parameter `duration`, else as compiled."""
    given = parameters.get(conventions.PARAM_DURATION)
    return duration_seconds(given) if given else plan.compiled_seconds


def load_plan(plan: PlanDocument, parameters: Mapping[str, str]) -> LoadPlan | None:
    """The load with its effective minimum; None for a run without load."""
    load = plan.load
    if load is None:
        return None
    seconds = effective_seconds(plan, parameters)
    given = load.min_duration_seconds
    least = seconds * _MIN_SHARE if given is None else min(given, seconds)
    if load.end_by == "Signal":
        least = seconds
    return LoadPlan(load.workload, load.shards, least, load.failed_codes, load.end_by)


def run_seconds(plan: PlanDocument, parameters: Mapping[str, str]) -> int:
    """Maximum seconds of the window: runDuration; without load, the parameter `duration` shortens it."""
    if plan.load:
        return plan.seconds.run_duration
    return effective_seconds(plan, parameters)


def prometheus_url(plan: PlanDocument, parameters: Mapping[str, str]) -> str:
    """The URL of this run's Prometheus."""
    return parameters.get(conventions.PARAM_PROMETHEUS_URL) or plan.prometheus_url


def effective_chain_id(plan: PlanDocument, parameters: Mapping[str, str], uid: str) -> str:
    """The chain id: new for every run, because genesis is stored by chain id and a reused id meets a stale genesis."""
    base: str = plan.chain.chain_id
    if not plan.chain.bring_up:
        return base
    return parameters.get(conventions.PARAM_CHAIN_ID) or f"{base}-{uid[:8]}"


def image_replacements(plan: PlanDocument, parameters: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The images that parameters replace, by key of the bundle, then by JSON pointer."""
    replacements: dict[str, dict[str, str]] = {}
    for name, value in parameters.items():
        place = plan.parameters[name]
        if place.file is not None and place.path is not None:
            replacements.setdefault(place.file, {})[place.path] = value
    return replacements


def run_values(plan: PlanDocument, identity: Identity, chain_id: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Every run-time value, by token name."""
    values = {
        "chainId": chain_id,
        "runId": identity.workflow,
        "namespace": identity.namespace,
        "workflowUid": identity.uid,
        "jobName": identity.job_name,
        "configMapName": identity.config_name,
        "durationSeconds": str(effective_seconds(plan, parameters)),
    }
    for name, urls in endpoints(plan, chain_id).items():
        values[f"{name}Url"] = urls[0] if urls else ""
        values[f"{name}Endpoints"] = ",".join(urls)
        values[f"{name}EndpointsJson"] = json.dumps(urls)
    return values


def endpoints(plan: PlanDocument, chain_id: str) -> dict[str, list[str]]:
    """The full nodes' URLs by kind: rpc, evm, ws, rest."""
    planned = plan.chain.endpoints
    templates = {"rpc": planned.rpc, "evm": planned.evm, "ws": planned.ws, "rest": planned.rest}
    if not plan.chain.bring_up:
        return {kind: list(urls) for kind, urls in templates.items()}
    return {kind: [fill_template(url, {"chainId": chain_id}) for url in urls] for kind, urls in templates.items()}
