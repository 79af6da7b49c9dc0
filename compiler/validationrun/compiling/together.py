"""The documents of one compilation, for those that name each other."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from validationrun.compiling.documents import Linted, LintResult, of_type
from validationrun.compiling.emit.bundle import Bundle, build_bundle
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.plan import Plan, PlanOptions, build_plan
from validationrun.compiling.suite_members import run_name
from validationrun.spec.parse import AnyDocument
from validationrun.spec.v1alpha1 import ValidationRun, ValidationSuite

_D = TypeVar("_D", bound=AnyDocument)


def plan_run(linted: Linted[ValidationRun], options: EmitOptions, *, in_suite: bool = False) -> Plan:
    """
    The plan of a run.

    Args:
        in_suite: a suite of the same compilation starts it.
    """
    chosen = PlanOptions(
        options.runner_image, options.label, options.cluster_domain, options.prometheus_url, options.lock
    )
    return build_plan(linted.run, chosen, in_suite=in_suite)


class Together:
    """
    What is compiled in one invocation.

    A plan or bundle is made when it is first asked for, and kept: a run that no other document names costs nothing here.
    """

    def __init__(self, linted: LintResult, options: EmitOptions) -> None:
        self.options = options
        self.documents: Sequence[Linted[AnyDocument]] = linted.documents
        self._named = {(entry.kind, namespace, name) for name, namespace, entry in linted.named}
        self._by_name = {(entry.kind, entry.namespace, entry.name): entry for entry in linted.documents}
        self._in_suites = {
            (suite.namespace, run_name(suite.document, entry))
            for suite in of_type(linted.documents, ValidationSuite)
            for entry in suite.document.spec.runs
        }
        self.run_plan: Callable[[str, str], Plan | None] = functools.cache(self._run_plan)
        self.run_bundle: Callable[[str, str], Bundle | None] = functools.cache(self._run_bundle)

    def find(self, kind: type[_D], namespace: str, name: str) -> Linted[_D] | None:
        """The document without errors of this kind and name."""
        found: Linted[Any] | None = self._by_name.get((kind.__name__, namespace, name))
        return found

    def is_named(self, kind: type[AnyDocument], namespace: str, name: str) -> bool:
        """Whether there is a document of this kind and name, also one with errors."""
        return (kind.__name__, namespace, name) in self._named

    def plan_of(self, run: Linted[ValidationRun]) -> Plan:
        """The plan of one of the runs."""
        return self.run_plan(run.namespace, run.name) or plan_run(run, self.options)

    def _run_plan(self, namespace: str, name: str) -> Plan | None:
        run = self.find(ValidationRun, namespace, name)
        return None if run is None else plan_run(run, self.options, in_suite=(namespace, name) in self._in_suites)

    def _run_bundle(self, namespace: str, name: str) -> Bundle | None:
        plan = self.run_plan(namespace, name)
        return None if plan is None else build_bundle(plan)
