"""Writes `rules/{rule}.jsonl` during a run and `rules/{rule}.json` at its end."""

import errno
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import IO, Final

from validationrun.base.atomic_files import dump_json, open_to_append, write_whole
from validationrun.oracle.decision import Decision
from validationrun.oracle.evidence import Encoder
from validationrun.oracle.fold import RuleState
from validationrun.oracle.large_answers import PARSING
from validationrun.oracle.rules import type_of
from validationrun.oracle.summary import Summary
from validationrun.oracle.tally import Tally
from validationrun.spec.v1alpha1 import Rule

RULES_DIR: Final = "rules"


class EvidenceWriter:
    """
    Writes the evidence of every rule: appends lines to a file, and writes each summary at once.

    Raises OSError when a file cannot be written, because missing evidence must not go unnoticed.
    """

    def __init__(
        self, folder: pathlib.Path, rules: Sequence[Rule], resumed: Mapping[str, RuleState] | None = None
    ) -> None:
        """
        Args:
            folder: the results folder of the run.
            resumed: the states from which this evaluation resumes; None or empty at the first attempt.
        """
        self._folder = folder / RULES_DIR
        self._folder.mkdir(parents=True, exist_ok=True)
        self._opened = self._identities()
        self._rules = list(rules)
        self._encoders = {rule.name: Encoder(keeps_labels=type_of(rule).reads_labels) for rule in rules}
        self._streams: dict[str, IO[str]] = {}
        self._tallies = {rule.name: Tally(rule) for rule in rules}
        for rule in rules:
            path = self._folder / f"{rule.name}.jsonl"
            self._streams[rule.name] = open(path, "a", encoding="ascii", opener=open_to_append)  # noqa: SIM115 - closed by `close`
            if resumed and rule.name in resumed:
                self._line(rule.name, self._encoders[rule.name].resume(resumed[rule.name]))

    def _identities(self) -> list[tuple[int, int]]:
        """Device and inode of the results folder and of the folder of the rules."""
        return [(status.st_dev, status.st_ino) for status in map(os.lstat, (self._folder.parent, self._folder))]

    def add(self, decision: Decision, *, counted: bool) -> None:
        self._tallies[decision.rule].add(decision, counted=counted)
        with PARSING:
            text = self._encoders[decision.rule].decision(decision, counted=counted)
        self._line(decision.rule, text)

    def _line(self, rule: str, text: str) -> None:
        stream = self._streams[rule]
        stream.write(text + "\n")
        stream.flush()

    def summaries(self) -> dict[str, Summary]:
        """The summary of each rule's decisions so far."""
        return {name: tally.summary() for name, tally in self._tallies.items()}

    def close(self, states: Sequence[RuleState]) -> None:
        """
        Closes the files and writes each rule's summary with its last state.

        Raises OSError, also when the workload replaced a folder, by a link for instance: nothing is written elsewhere.
        """
        for stream in self._streams.values():
            stream.close()
        if self._identities() != self._opened:
            raise OSError(errno.ENOTDIR, "the folder was replaced during the run", str(self._folder))
        summaries = self.summaries()
        by_name = {state.name: state for state in states}
        for rule in self._rules:
            document = summary_document(rule, by_name[rule.name], summaries[rule.name])
            write_whole(self._folder / f"{rule.name}.json", dump_json(document))


def summary_document(rule: Rule, state: RuleState, summary: Summary) -> dict[str, float | str | dict[str, int] | None]:
    """A rule's verdict and the summary of its decisions."""
    comparison = type_of(rule).comparison(rule)
    return {
        "name": rule.name,
        "type": rule.type,
        "verdict": state.verdict,
        "reason": state.reason or None,
        "message": state.message,
        "why": state.why or None,
        "failedT": state.failed_t,
        "value": state.value,
        "threshold": comparison.threshold if comparison else None,
        "op": comparison.op if comparison else None,
        "firedCount": type_of(rule).fired_count(state),
        **summary.to_data(),
    }
