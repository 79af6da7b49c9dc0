"""
Tells which documents a command passes over because they only share a folder with its own kind.

A document is passed over only by its `kind` and `apiVersion`. A run with a misspelt `kind` or `apiVersion` is not passed over,
because its author would believe that it was checked.
"""

import pathlib
from collections.abc import Callable, Collection
from typing import Any, Final

from validationrun.base import conventions

PassOver = Callable[[str, Any], bool]
"""Takes a file name and a document's data; tells whether the document is passed over."""

_KINDS: Final = (
    conventions.KIND_RUN,
    conventions.KIND_SUITE,
    conventions.KIND_SCHEDULE,
    conventions.KIND_RULE_TEST,
)
_GROUP: Final = conventions.API_VERSION.partition("/")[0]
_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml")


def nothing(file: str, data: Any) -> bool:
    """Passes no document over."""
    del file, data
    return False


def is_rule_test(data: Any) -> bool:
    return isinstance(data, dict) and data.get("kind") == conventions.KIND_RULE_TEST


def beside_runs(files: Collection[str]) -> PassOver:
    """Passes over rule tests and objects of other API groups in these files."""
    return lambda file, data: file in files and (is_rule_test(data) or _is_of_others(file, data))


def beside_rule_tests(files: Collection[str]) -> PassOver:
    """Passes over runs, suites, schedules and objects of other API groups in these files."""
    kinds = [kind for kind in _KINDS if kind != conventions.KIND_RULE_TEST]
    return lambda file, data: (
        file in files and ((isinstance(data, dict) and data.get("kind") in kinds) or _is_of_others(file, data))
    )


def _is_of_others(file: str, data: Any) -> bool:
    if not isinstance(data, dict):
        return False
    version, kind = data.get("apiVersion"), data.get("kind")
    if version is None and kind is None:
        # A kustomization needs no kind; Kustomize recognizes it by its file name.
        return pathlib.PurePath(file).name in _KUSTOMIZATIONS
    if not isinstance(version, str) or not isinstance(kind, str):
        return False
    return version.partition("/")[0] != _GROUP and kind not in _KINDS
