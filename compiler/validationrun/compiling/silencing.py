"""Leaves out the warnings that ignore comments name."""

from collections.abc import Callable, Sequence

from validationrun.spec.findings import Diagnostic, Severity
from validationrun.spec.source import Ignore


def silence(
    diagnostics: Sequence[Diagnostic],
    ignores: Sequence[tuple[Ignore, str]],
    file: str,
    checked: Callable[[str], bool],
) -> list[Diagnostic]:
    """
    The diagnostics of one file that no ignore comment names.

    An error cannot be silenced. A comment that silences nothing is a warning, because it would hide the next finding there.
    A file with errors gets no such warning, because an error can prevent the check that the comment is about.

    Args:
        ignores: each with its source line.
        checked: tells whether the check that gives a code has run.
    """
    errors = {diagnostic.code for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR}
    warnings: dict[str, dict[int, list[Diagnostic]]] = {}
    kept = []
    for diagnostic in diagnostics:
        if diagnostic.severity is Severity.WARNING:
            warnings.setdefault(diagnostic.code, {}).setdefault(diagnostic.span.line, []).append(diagnostic)
        else:
            kept.append(diagnostic)
    for ignore, line in ignores:
        by_line = warnings.get(ignore.code, {})
        silenced = ignore.applies_to & by_line.keys()
        for number in silenced:
            del by_line[number]
        if not silenced and checked(ignore.code) and (not errors or ignore.code in errors):
            message = f"this comment ignores {ignore.code}, which is no warning on this line"
            help_ = "put it on the warning's own line, or delete it; errors cannot be ignored"
            kept.append(Diagnostic("VR109", Severity.WARNING, file, ignore.span, "", message, help_, line))
    return kept + [warning for by_line in warnings.values() for on_line in by_line.values() for warning in on_line]
