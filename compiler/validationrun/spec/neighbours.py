"""
Which documents of a file a verb passes over: those that stand beside its own kind in a folder.

A document is passed over only for what it says of itself. A run with a misspelt `kind` or `apiVersion` is none of these: nobody
may believe that a run was checked when it was skipped.
"""

import pathlib
from collections.abc import Callable, Collection
from typing import Any, Final

from validationrun.base import conventions

PassOver = Callable[[str, Any], bool]
"""Whether the document with this data, in the file of this name, is passed over."""

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
    """Passes over rule tests, and the objects of others, in these files."""
    return lambda file, data: file in files and (is_rule_test(data) or _is_of_others(file, data))


def beside_rule_tests(files: Collection[str]) -> PassOver:
    """Passes over runs, suites and schedules, and the objects of others, in these files."""
    kinds = [kind for kind in _KINDS if kind != conventions.KIND_RULE_TEST]
    return lambda file, data: (
        file in files and ((isinstance(data, dict) and data.get("kind") in kinds) or _is_of_others(file, data))
    )


def _is_of_others(file: str, data: Any) -> bool:
    if not isinstance(data, dict):
        return False
    version, kind = data.get("apiVersion"), data.get("kind")
    if version is None and kind is None:
        # Kustomize knows its file by name.
        return pathlib.PurePath(file).name in _KUSTOMIZATIONS
    if not isinstance(version, str) or not isinstance(kind, str):
        return False
    return version.partition("/")[0] != _GROUP and kind not in _KINDS
