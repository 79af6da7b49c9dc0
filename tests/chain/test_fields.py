"""A spec of ours meets definitions that have its fields: the API server drops one that they lack, or refuses the object."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .operator.definitions import definitions

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas" / "validationrun.schema.json").read_text("utf-8"))
OF_THE_LATER_API = {"rpcServers", "vesting"}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Behind references, and without `null`."""
    while True:
        if "$ref" in schema:
            schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
            continue
        choices = [one for key in ("anyOf", "allOf") for one in schema.get(key, []) if one.get("type") != "null"]
        if not choices:
            return schema
        schema = choices[0]


def missing(ours: dict[str, Any], theirs: dict[str, Any], path: str) -> Iterator[str]:
    ours = resolved(ours)
    if ours.get("type") == "array":
        yield from missing(ours["items"], theirs.get("items", {}), f"{path}[]")
        return
    is_free = bool(theirs.get("additionalProperties") or theirs.get("x-kubernetes-preserve-unknown-fields"))
    for name, field in (ours.get("properties") or {}).items():
        if name in (theirs.get("properties") or {}):
            yield from missing(field, theirs["properties"][name], f"{path}.{name}")
        elif not is_free and name not in OF_THE_LATER_API:
            yield f"{path}.{name}"


def test_a_deployment_of_a_spec_has_no_field_that_the_definition_lacks() -> None:
    (definition,) = (one for one in definitions() if one["spec"]["names"]["kind"] == "SeiNodeDeployment")
    theirs = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert list(missing(SCHEMA["$defs"]["SeiNodeDeploymentSpec"], theirs, "spec")) == []
    del theirs["properties"]["template"]["properties"]["spec"]["properties"]["overrides"]
    assert list(missing(SCHEMA["$defs"]["SeiNodeDeploymentSpec"], theirs, "spec")) == ["spec.template.spec.overrides"]
