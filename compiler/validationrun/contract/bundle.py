"""
Reads the mounted bundle of a step and fills its run-time values.

Values go only to the places in `plan.json`; text is never searched for placeholders.
"""

import copy
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from validationrun.base import conventions
from validationrun.base.document import Document, DocumentError
from validationrun.base.hashing import bundle_hash
from validationrun.contract.plan_json import PlanDocument, TextPlace
from validationrun.kube.cluster import Object

if TYPE_CHECKING:
    from validationrun.oracle.question import Question
    from validationrun.spec.v1alpha1 import Rule

_TOKEN: Final = re.compile(r"\$\{([A-Za-z]+)\}")
_HASH_IN_NAME: Final = 8


class BundleError(Exception):
    """The bundle is missing or damaged, or is not the bundle that the template was compiled with."""


def bundle_name(owner: str, digest: str) -> str:
    """
    The name of the ConfigMap with the bundle of a run or a suite, as it is compiled.

    Args:
        owner: the name of the run or suite.
        digest: the hash of the bundle.
    """
    return f"{owner}-bundle-{digest[:_HASH_IN_NAME]}"


class Bundle:
    """The bundle's data, by key."""

    def __init__(self, data: Mapping[str, str]) -> None:
        self.data = dict(data)
        self.plan = read_plan(self.data)

    @classmethod
    def mounted(cls, folder: pathlib.Path, expected_hash: str) -> "Bundle":
        """
        The bundle of a mounted ConfigMap.

        Raises:
            BundleError: nothing is mounted, or the content has another hash than the template names.
        """
        return cls(mounted_data(folder, expected_hash))

    def manifest(self, key: str, values: Mapping[str, str], images: Mapping[str, Mapping[str, str]]) -> Object:
        """
        The manifest of a key, with its places filled.

        Args:
            values: by token name, such as `chainId`.
            images: replacements by key, then by JSON pointer.
        """
        document = copy.deepcopy(_yaml(self.data, key))
        for pointer in self.plan.places.get(key, ()):
            if not isinstance(pointer, str):
                raise BundleError(f"the places of {key} in {conventions.BUNDLE_PLAN} are not those of a manifest")
            parent, last = _resolve(document, pointer)
            parent[last] = fill_template(parent[last], values)
        for pointer, image in images.get(key, {}).items():
            parent, last = _resolve(document, pointer)
            parent[last] = image
        if not isinstance(document, dict):
            raise BundleError(f"{key} is not an object")
        return document

    def job(self, values: Mapping[str, str], images: Mapping[str, Mapping[str, str]]) -> Object:
        """The load's Job with its places filled; `values` and `images` as in `manifest`."""
        if self.plan.load is None:
            raise BundleError("the bundle has no load")
        return self.manifest(self.plan.load.file, values, images)

    def config_files(self, values: Mapping[str, str]) -> dict[str, str]:
        """The workload's files by name, with their places filled."""
        load = self.plan.load
        return {name: self._config_file(key, values) for name, key in load.config.items()} if load else {}

    def text_places(self, key: str) -> Iterator[TextPlace]:
        """The places in a config file, in order. Raises BundleError for places of a manifest."""
        for place in self.plan.places.get(key, ()):
            if isinstance(place, str):
                raise BundleError(f"the places of {key} in {conventions.BUNDLE_PLAN} are not those of a config file")
            yield place

    def _config_file(self, key: str, values: Mapping[str, str]) -> str:
        text, parts, position = self.data[key], [], 0
        for place in self.text_places(key):
            offset, token = place.offset, place.token
            if text[offset : offset + len(token)] != token:
                raise BundleError(f"{key} holds no {token} at offset {offset}")
            parts += [text[position:offset], fill_template(token, values)]
            position = offset + len(token)
        return "".join([*parts, text[position:]])

    def rules(self) -> "list[Rule]":
        """The rules with their defaults written out."""
        # Imported here because the models need pydantic, which only judging steps load.
        from validationrun.spec.v1alpha1 import Rule  # noqa: PLC0415

        return [Rule.model_validate(rule) for rule in self.rule_documents()]

    def questions(self, values: Mapping[str, str]) -> "list[Question]":
        """
        The rules with their planned queries.

        Args:
            values: the run-time values, by name.

        Raises:
            BundleError: the plan has no query for a rule.
        """
        from validationrun.oracle.question import Question  # noqa: PLC0415

        planned = {query.name: query for query in self.plan.rules}
        try:
            return [
                Question.planned(rule, query.promql, query.places, values, query.expected)
                for rule, query in ((rule, planned[rule.name]) for rule in self.rules())
            ]
        except (KeyError, ValueError) as error:
            raise BundleError(f"{conventions.BUNDLE_PLAN} and {conventions.BUNDLE_RULES} differ: {error}") from None

    def rule_documents(self) -> list[Object]:
        """The rules as plain data of the spec."""
        if conventions.BUNDLE_RULES not in self.data:
            return []
        documents: list[Object] = _yaml(self.data, conventions.BUNDLE_RULES)
        return documents


def mounted_data(folder: pathlib.Path, expected_hash: str) -> dict[str, str]:
    """
    The data of a mounted ConfigMap, by key.

    Raises:
        BundleError: nothing is mounted, or the content has another hash than the template names.
    """
    # A ConfigMap volume holds links to its files, beside hidden folders of the kubelet.
    files = sorted(path for path in folder.glob("*") if path.is_file() and not path.name.startswith(".."))
    if not files:
        raise BundleError("the ConfigMap with the bundle is not there; apply bundle.yaml beside the template")
    data = {path.name: path.read_bytes().decode("utf-8") for path in files}
    actual = bundle_hash(data)
    if actual != expected_hash:
        raise BundleError(f"the bundle's hash is {actual[:8]}, the template was compiled with {expected_hash[:8]}")
    return data


def fill_template(text: str, values: Mapping[str, str]) -> str:
    """A compiled text with every `${name}` replaced. Raises BundleError for a name without value."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise BundleError(f"no value for {match[0]}: this runner is older than the compiler")
        return values[match[1]]

    return _TOKEN.sub(value, text)


class _Format(Document, frozen=True):
    format: int


def read_plan(data: Mapping[str, str]) -> PlanDocument:
    """
    `plan.json` of a bundle.

    Raises:
        BundleError: `plan.json` is missing or damaged, or has a format that this version does not read.
    """
    text = data.get(conventions.BUNDLE_PLAN, "")
    try:
        plan_format = _Format.from_json(text).format
        if plan_format != conventions.FORMAT:
            raise BundleError(f"the bundle has format {plan_format}, this runner reads format {conventions.FORMAT}")
        return PlanDocument.from_json(text)
    except DocumentError as error:
        raise BundleError(f"the bundle's {conventions.BUNDLE_PLAN} is missing or damaged: {error}") from None


def _yaml(data: Mapping[str, str], key: str) -> Any:
    if key not in data:
        raise BundleError(f"the bundle has no {key}")
    # Imported here because a YAML reader loads slowly, and some steps need only the plan.
    from validationrun.spec.source import read_compiled  # noqa: PLC0415

    try:
        (document,) = read_compiled(data[key])
    except ValueError:
        raise BundleError(f"the bundle's {key} is not what the compiler writes") from None
    return document


def _resolve(document: Any, pointer: str) -> tuple[Any, Any]:
    """Container and key of a JSON pointer (RFC 6901). Raises BundleError when it leads nowhere."""
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    try:
        for part in parents:
            document = document[_key(document, part)]
        key = _key(document, last)
        _ = document[key]
    except (KeyError, IndexError, TypeError, ValueError):
        raise BundleError(f"the bundle's manifest has nothing at {pointer}") from None
    return document, key


def _key(container: Any, part: str) -> str | int:
    return int(part) if isinstance(container, list) else part
