"""Checks that an image reference always names the same image."""

from collections.abc import Iterator

from validationrun.spec.findings import Finding, Loc, Severity, format_path


def image_findings(loc: Loc, image: str) -> Iterator[Finding]:
    """A warning for a tag, which can be moved to another image; a stronger warning for `latest`."""
    if "@sha256:" in image:
        return
    tag = image.rsplit("/", 1)[-1].partition(":")[2]
    if tag in ("", "latest"):
        named = "has no tag, which means latest" if not tag else "is latest"
        message = (
            f"{format_path(loc)} {named}: two runs of this spec can test two different releases, and nobody will know"
        )
        help_ = "pin it: image@sha256:<digest>; a verdict is worth as much as the image it names"
        yield Finding("VR407", loc, message, help_, Severity.WARNING)
    else:
        message = f"{format_path(loc)} has no digest: the tag can be moved to another image"
        yield Finding("VR406", loc, message, "pin it: image@sha256:<digest>", Severity.WARNING)
