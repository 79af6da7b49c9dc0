"""Where a workload uses the endpoints of its chain: `$(CHAIN_EVM_URL)`, `${evmEndpointsJson}`, and the variable's bare name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from validationrun.base.conventions import ENDPOINT_KINDS
from validationrun.kube.env_expansion import references
from validationrun.spec.findings import Loc
from validationrun.spec.partial import is_left_out
from validationrun.spec.v1alpha1 import LoadSpec, Workload
from validationrun.spec.v1alpha1.load import InitContainer

_WORKLOAD: Final[Loc] = ("spec", "load", "workload")
_VARIABLES: Final = {f"CHAIN_{kind.upper()}_URL": kind for kind in ENDPOINT_KINDS}
_PLACEHOLDER: Final = re.compile(r"\$\{(" + "|".join(ENDPOINT_KINDS) + r")Endpoints(Json)?\}")
_BARE: Final = re.compile(
    r"(?P<before>\$\(|\$\{)?(?<![A-Za-z0-9_])(?P<name>"
    + "|".join(_VARIABLES)
    + r")(?![A-Za-z0-9_])(?P<default>:?[-+=])?"
)


@dataclass(frozen=True, slots=True)
class EndpointUse:
    """
    One use of an endpoint.

    Attributes:
        kind: rpc, evm, ws or rest.
        token: what stands in the text, such as `$(CHAIN_EVM_URL)`.
        certain: the text holds an endpoint's URL when it is filled. Else it only names the variable: a program may read it.
    """

    kind: str
    loc: Loc
    token: str
    certain: bool


def endpoint_uses(load: LoadSpec) -> Iterator[EndpointUse]:
    """Each use in config files, commands, arguments and environments, the init containers' too; one of each token in a text."""
    for name, text in load.workload.config.files.items():
        loc = (*_WORKLOAD, "config", "files", name)
        found = [EndpointUse(match[1], loc, match[0], certain=True) for match in _PLACEHOLDER.finditer(text)]
        yield from _once(found, _named(loc, text, expanded=False))
    for loc, container in containers(load):
        for place, text in _texts(loc, container):
            expanded = [name for name in references(text) if name in _VARIABLES]
            found = [EndpointUse(_VARIABLES[name], place, f"$({name})", certain=True) for name in expanded]
            yield from _once(found, _named(place, text, expanded=True))


def _once(certain: list[EndpointUse], named: list[EndpointUse]) -> Iterator[EndpointUse]:
    """Each use once. A use that only names the variable is left out where a certain use has the same kind, because it adds nothing."""
    kinds = {use.kind for use in certain}
    yield from dict.fromkeys([*certain, *(use for use in named if use.kind not in kinds)])


def _named(loc: Loc, text: str, *, expanded: bool) -> list[EndpointUse]:
    """
    Each bare name of a variable. A shell's `${NAME:-default}` is none, because it says what holds without a value.

    Args:
        expanded: Kubernetes replaces each `$(NAME)` of the text.
    """
    return [
        EndpointUse(_VARIABLES[match["name"]], loc, match["name"], certain=False)
        for match in _BARE.finditer(text)
        if not (match["before"] == "${" and match["default"]) and not (expanded and match["before"] == "$(")
    ]


def containers(load: LoadSpec) -> Iterator[tuple[Loc, Workload | InitContainer]]:
    """The workload and its init containers, without those that cannot be read."""
    yield _WORKLOAD, load.workload
    for index, container in enumerate(load.workload.pod_template.init_containers or []):
        if not is_left_out(container):
            yield (*_WORKLOAD, "podTemplate", "initContainers", index), container


def _texts(loc: Loc, container: Workload | InitContainer) -> Iterator[tuple[Loc, str]]:
    for index, word in enumerate(container.command or []):
        yield (*loc, "command", index), word
    for index, word in enumerate(container.args or []):
        yield (*loc, "args", index), word
    for index, entry in enumerate(container.env or []):
        if entry.value is not None:
            yield (*loc, "env", index, "value"), entry.value
