"""What the operator reads from a SeiNodeDeployment."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GROUP = "sei.io"
VERSION = "v1alpha1"
PLURAL = "seinodedeployments"
KIND = "SeiNodeDeployment"

LABEL_DEPLOYMENT = "sei.io/nodedeployment"
LABEL_ORDINAL = "sei.io/nodedeployment-ordinal"
LABEL_REVISION = "sei.io/revision"
LABEL_NODE = "sei.io/node"

# The test's own keys among `template.spec.overrides`; README.md says what each does.
SWITCH = "test.operator."
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


class SwitchError(Exception):
    """A fault switch has a value that means nothing."""


@dataclass(frozen=True, slots=True)
class Peers:
    """One entry of `template.spec.peers` that selects by label; namespace None is the object's own."""

    selector: Mapping[str, str]
    namespace: str | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """One SeiNodeDeployment; `overrides` are the node's and the switches together."""

    name: str
    namespace: str
    uid: str
    generation: int
    created: dt.datetime
    chain_id: str
    validators: bool
    genesis: bool
    replicas: int
    image: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    pod_labels: Mapping[str, str]
    overrides: Mapping[str, str]
    peers: tuple[Peers, ...]
    deleting: bool
    status: Mapping[str, Any]

    @property
    def nodes(self) -> list[str]:
        return [f"{self.name}-{ordinal}" for ordinal in range(self.replicas)]

    def switch(self, name: str) -> str:
        """The value of `test.operator.<name>`; empty when it is not set."""
        return self.overrides.get(SWITCH + name, "")

    def flag(self, name: str) -> bool:
        return self.switch(name) == "true"

    @property
    def delay(self) -> dt.timedelta:
        text = self.switch("delay") or "0s"
        match = re.fullmatch(r"(\d+)(ms|s|m|h)", text)
        if match is None:
            raise SwitchError(f'{SWITCH}delay is "{text}", a number with ms, s, m or h is needed')
        return dt.timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def parse(body: Mapping[str, Any]) -> Deployment:
    """An object as the API server returned it, which its CRD has checked."""
    metadata, spec = body["metadata"], body["spec"]
    template = spec["template"]
    inner, outer = template["spec"], template.get("metadata") or {}
    genesis = spec.get("genesis")
    return Deployment(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        generation=metadata["generation"],
        created=dt.datetime.fromisoformat(metadata["creationTimestamp"]),
        chain_id=genesis["chainId"] if genesis else inner["chainId"],
        validators="validator" in inner,
        genesis=genesis is not None,
        replicas=spec["replicas"],
        image=inner["image"],
        labels=outer.get("labels") or {},
        annotations=outer.get("annotations") or {},
        pod_labels=inner.get("podLabels") or {},
        overrides=inner.get("overrides") or {},
        peers=tuple(
            Peers(entry["label"]["selector"], entry["label"].get("namespace"))
            for entry in inner.get("peers") or []
            if "label" in entry
        ),
        deleting="deletionTimestamp" in metadata,
        status=body.get("status") or {},
    )
