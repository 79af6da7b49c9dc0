"""Twins of cases: `apis` in cases.yaml asks for a second case that brings its chain up by another API."""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Case = dict[str, Any]

USUAL: Final = "SeiNodeDeployment"
"""The API of a case that names none."""


def with_twins(cases: Sequence[Case], base: Mapping[str, Any]) -> dict[str, Case]:
    """
    By name: each case, and behind it `<name>-seinetwork` if it asks for that.

    Args:
        base: the run that every case is merged into, for cases without deployments of their own.
    """
    made: dict[str, Case] = {}
    for case in cases:
        for one in _each(case, base["spec"]["chain"]["deployments"]):
            assert one["name"] not in made, one["name"]
            made[one["name"]] = one
    return made


def _each(case: Case, deployments: Sequence[Any]) -> Iterator[Case]:
    yield case
    for api in case.get("apis", [USUAL]):
        if api != USUAL:
            yield _twin(case, api, deployments)


def _twin(case: Case, api: str, deployments: Sequence[Any]) -> Case:
    """
    On the newer line of Argo alone. Set-up makes its chains by the same API, and the expectation names its kind.

    A chain id that the case gives is another one here: both may run at once, and Prometheus tells chains apart by their id alone.
    """
    twin = copy.deepcopy({key: value for key, value in case.items() if key not in ("apis", "lines")})
    chain = twin["spec"].setdefault("spec", {}).setdefault("chain", {})
    chain["api"] = api
    chain["deployments"] = copy.deepcopy(chain.get("deployments") or list(deployments))
    for entry in chain["deployments"]:
        # Only SeiNodeDeployments have it.
        entry["spec"].pop("monitoring", None)
    twin["setup"] = [{**step, "api": api} for step in twin.get("setup", ())]
    twin["expect"] = _replaced(twin["expect"], USUAL, api)
    for option in twin.get("options", ()):
        if found := re.fullmatch("chain-id=(.+)", option):
            own = found[1]
            twin = {key: _replaced(value, rf"\b{own}\b", f"{own}-net") for key, value in twin.items()}
    return {**twin, "name": f"{case['name']}-{api.lower()}"}


def _replaced(value: Any, pattern: str, replacement: str) -> Any:
    if isinstance(value, str):
        return re.sub(pattern, replacement, value)
    if isinstance(value, list):
        return [_replaced(one, pattern, replacement) for one in value]
    if isinstance(value, dict):
        return {key: _replaced(one, pattern, replacement) for key, one in value.items()}
    return value
