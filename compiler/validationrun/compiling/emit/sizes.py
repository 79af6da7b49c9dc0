"""Checks that the bundle fits into a ConfigMap, and into the annotation that `kubectl apply` adds."""

from typing import Final

from validationrun.compiling.emit.bundle import Bundle, HashedData
from validationrun.spec.findings import Anchor, Finding, Severity

_LARGE: Final = 240 * 1024
"""kubectl's client-side apply stores a copy in an annotation of at most 262,144 bytes."""

_TOO_LARGE: Final = 900 * 1024
"""A Kubernetes object holds 1 MiB; the rest is for metadata and for additions by the run."""

_SUITE_TOO_LARGE: Final = 512 * 1024
"""The suite record holds suite.json, the ends of up to 64 runs, and the verdict, in one object."""

_PLACEHOLDER: Final = b"${"
_SCAFFOLDING: Final = 64 * 1024
"""An upper bound for everything in a bundle that is not in the spec: plan.json, defaults written out, the Job."""

_ANCHOR: Final = b"&"
_LONGEST_URL: Final = 600
"""The longest endpoint URL of an existing chain; the URLs of an ephemeral chain are shorter."""


def may_be_large(source: bytes, url_count: int) -> bool:
    """
    Whether the bundle of a spec could come near a size limit. For most specs it cannot, and the bundle need not be built.

    Args:
        source: the file that holds the spec.
        url_count: URLs in the longest endpoint list that a placeholder can stand for.
    """
    if _ANCHOR in source:
        # An alias can repeat any amount of text.
        return True
    growth = source.count(_PLACEHOLDER) * (url_count + 1) * _LONGEST_URL
    return len(source) + growth + _SCAFFOLDING > _LARGE


def size_findings(bundle: Bundle) -> list[Finding]:
    loc = ("spec", "load", "workload", "config", "files")
    size = f"{bundle.filled_size / 1024:,.0f} KiB"
    if bundle.filled_size > _TOO_LARGE:
        message = (
            f"the bundle can reach {size} once its placeholders are filled in; at most {_TOO_LARGE // 1024} KiB fit"
        )
        return [Finding("VR601", loc, message, "move large config files into the workload's image", anchor=Anchor.KEY)]
    if bundle.filled_size > _LARGE:
        message = f"the bundle can reach {size}; above {_LARGE // 1024} KiB only server-side apply can store it"
        help_ = "apply with `kubectl apply --server-side`, or move large config files into the workload's image"
        return [Finding("VR602", loc, message, help_, Severity.WARNING, Anchor.KEY)]
    return []


def suite_size_findings(bundle: HashedData) -> list[Finding]:
    size = sum(len(text.encode()) for text in bundle.data.values())
    if size <= _SUITE_TOO_LARGE:
        return []
    message = (
        f"the bundle of the suite has {size / 1024:,.0f} KiB, because it holds the parameters of every run; at most "
        f"{_SUITE_TOO_LARGE // 1024} KiB fit"
    )
    return [Finding("VR718", ("spec", "runs"), message, "shorten values, or split the suite", anchor=Anchor.KEY)]
