"""Checks `overrides` and `dataVolume` of a deployment's nodes: values that no node can read, misspelt keys, and a volume for several."""

from collections.abc import Iterator
from typing import Final

from validationrun.compiling.check.chain import located
from validationrun.compiling.check.readable import deployment_by_deployment
from validationrun.spec.findings import Anchor, Finding, Severity, format_path, quote
from validationrun.spec.v1alpha1 import ValidationRun
from validationrun.spec.v1alpha1.evm_overrides import EVM_PORTS, EVM_SWITCHES, OFF, ON, port_number

_KNOWN_KEYS: Final = (
    *sorted(EVM_SWITCHES | EVM_PORTS),
    "evm.enabled_legacy_sei_apis",
    "evm.max_tx_pool_txs",
    "evm.worker_pool_size",
    "evm.worker_queue_size",
    "mempool.ttl_duration",
    "network.rpc.lag_threshold",
    "storage.state_commit.write_mode",
    "tx_index.indexer",
)
"""Keys that this product or its starters know. Nodes read many more, so that an unknown key alone is no fault."""

_LONG_KEY: Final = 14
"""Two wrong letters in a key of this length are still a misspelling; a shorter key may be another one."""


@deployment_by_deployment
def evm_overrides(run: ValidationRun) -> Iterator[Finding]:
    """Endpoints and probes go by these: a value that no node can read would be taken for the default."""
    for loc, entry in located(run):
        for key, value in (entry.spec.template.spec.overrides or {}).items():
            if key in EVM_PORTS and port_number(value) is None:
                wants, help_ = "is a port from 1 to 65535", 'write a port, such as "8545"'
            elif key in EVM_SWITCHES and value not in ON | OFF:
                wants, help_ = "is true or false", 'write "true" or "false"'
            else:
                continue
            place = (*loc, "spec", "template", "spec", "overrides", key)
            yield Finding("VR331", place, f"{format_path(place)} {wants}, not {quote(value)}", help_)


@deployment_by_deployment
def misspelt_overrides(run: ValidationRun) -> Iterator[Finding]:
    """A key that no node knows is passed on without a word, and the setting stays at its default."""
    for loc, entry in located(run):
        for key in entry.spec.template.spec.overrides or {}:
            meant = (
                None if key in _KNOWN_KEYS else next((known for known in _KNOWN_KEYS if _is_misspelt(key, known)), None)
            )
            if meant is not None:
                place = (*loc, "spec", "template", "spec", "overrides", key)
                message = f"{format_path(place)} is no key that nodes are known to read"
                help_ = f"did you mean `{meant}`?"
                yield Finding("VR333", place, message, help_, Severity.WARNING, Anchor.KEY)


def _is_misspelt(key: str, known: str) -> bool:
    """Whether a key differs by capitals and separators alone, or by one letter, of a long key by two."""
    if _letters(key) == _letters(known):
        return True
    return _edits(key.lower(), known) <= (2 if len(known) >= _LONG_KEY else 1)


def _letters(key: str) -> str:
    return "".join(letter for letter in key.lower() if letter.isalnum())


def _edits(first: str, second: str) -> int:
    """How many letters must be added, removed, replaced or exchanged with their neighbour."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        two_before, before, row = before, row, [i]
        for j, other in enumerate(second, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other)))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                row[j] = min(row[j], two_before[j - 2] + 1)
    return row[-1]


@deployment_by_deployment
def one_volume_for_several_nodes(run: ValidationRun) -> Iterator[Finding]:
    for loc, entry in located(run):
        volume = entry.spec.template.spec.data_volume
        if volume is None or volume.import_ is None or entry.spec.replicas == 1:
            continue
        place = (*loc, "spec", "template", "spec", "dataVolume", "import")
        message = f"{format_path(place)} gives one volume to {entry.spec.replicas} nodes: each node writes its own data directory"
        help_ = (
            "set `replicas: 1`, and add a deployment for each further volume; without `import` each node gets a new one"
        )
        yield Finding("VR332", place, message, help_, anchor=Anchor.KEY)


CHECKS: Final = (evm_overrides, misspelt_overrides, one_volume_for_several_nodes)
