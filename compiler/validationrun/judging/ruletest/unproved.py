"""Which rules no test proves, for `test --strict`: a rule has to be seen Passed and seen Failed."""

from collections.abc import Iterator, Sequence

from validationrun.judging.ruletest.strict import has_its_series
from validationrun.judging.ruletest.suite import Tested
from validationrun.oracle.outcome import Verdict
from validationrun.spec.findings import Diagnostic, Finding, worst_first


def unproved(results: Sequence[Tested]) -> list[Diagnostic]:
    """
    An error for each rule that was not seen Passed and Failed, at the first test file of its run.

    Only a test that is as expected counts. An alert rule that passed without a series of its alert was not seen Passed.
    """
    runs = {(tested.ready.spec, tested.ready.run.metadata.name): tested for tested in reversed(results)}
    seen = {(run, rule, verdict) for tested in results for run, rule, verdict in _seen(tested)}
    return worst_first(tested.place(finding) for run, tested in runs.items() for finding in _of_run(run, tested, seen))


def _of_run(run: tuple[str, str], tested: Tested, seen: set[tuple[tuple[str, str], str, Verdict]]) -> Iterator[Finding]:
    for rule in tested.ready.run.spec.rules:
        missing = [verdict for verdict in (Verdict.PASSED, Verdict.FAILED) if (run, rule.name, verdict) not in seen]
        if missing:
            message = f"no test that is as expected shows rule {rule.name} of run {run[1]} {' or '.join(missing)}"
            wanted = " and one that makes it ".join(missing)
            yield Finding("RT305", ("spec",), message, f"add a test that makes it {wanted}")


def _seen(tested: Tested) -> Iterator[tuple[tuple[str, str], str, Verdict]]:
    ready = tested.ready
    for question, state in zip(ready.case.questions, tested.outcome.states, strict=True):
        if tested.ok and (state.verdict != Verdict.PASSED or has_its_series(ready.case, question)):
            yield (ready.spec, ready.run.metadata.name), state.name, state.verdict
