"""
The image that a container really ran, as its node resolved it: `imageID` of the container's status. Pure.

Runtimes write it in several forms: `docker-pullable://repo@sha256:...`, `repo@sha256:...`, or a bare `sha256:...` for an image that
never came from a registry. We keep the runtime's text and drop only the scheme before `://`.
"""

import re
from collections.abc import Iterable
from typing import Final

from validationrun.base.text import printable
from validationrun.base.truncate import cut

_LONGEST: Final = 500
"""Bytes; `IMAGE_PATTERN` allows an image reference of 473."""
_MOST: Final = 8
_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})$")
_SHORT: Final = 12


def image_id(text: str) -> str:
    """The resolved image by the `imageID` of a container's status, bounded and printable; empty while there is none."""
    return cut(printable(text.rpartition("://")[2]), _LONGEST)


def different(ids: Iterable[str]) -> list[str]:
    """
    The images that differ, sorted, at most eight; empty ids do not count.

    Two texts with the same digest are one image, because mirrors and runtimes name an image differently.
    """
    by_digest: dict[str, str] = {}
    for text in sorted(filter(None, ids)):
        by_digest.setdefault(_digest(text) or text, text)
    return list(by_digest.values())[:_MOST]


def agreed(ids: Iterable[str]) -> tuple[str | None, list[str]]:
    """
    The fields `imageID` and `imageIDs` of some pods.

    Returns:
        The image of all pods, None when none is known or when they differ; and the images that differ, empty when they do not.
    """
    seen = different(ids)
    return (seen[0], []) if len(seen) == 1 else (None, seen)


def short_digest(text: str) -> str:
    """The first twelve digits of the digest, for people; empty for a text without a digest."""
    return _digest(text)[:_SHORT]


def _digest(text: str) -> str:
    match = _DIGEST.search(text)
    return match[1] if match else ""
