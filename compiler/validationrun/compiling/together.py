"""The documents of one compilation, for those that name each other."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from validationrun.compiling.documents import Linted, LintResult
from validationrun.compiling.emit.bundle import Bundle, build_bundle
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.plan import Plan, PlanOptions, build_plan
from validationrun.spec.parse import AnyDocument
from validationrun.spec.v1alpha1 import ValidationRun

_D = TypeVar("_D", bound=AnyDocument)


def plan_run(linted: Linted[ValidationRun], options: EmitOptions) -> Plan:
    return build_plan(
        linted.run,
        PlanOptions(options.runner_image, options.label, options.cluster_domain, options.prometheus_url, options.lock),
    )


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
        self.run_plan: Callable[[str, str], Plan | None] = functools.cache(self._run_plan)
        self.run_bundle: Callable[[str, str], Bundle | None] = functools.cache(self._run_bundle)

    def find(self, kind: type[_D], namespace: str, name: str) -> Linted[_D] | None:
        """The document without errors of this kind and name."""
        found: Linted[Any] | None = self._by_name.get((kind.__name__, namespace, name))
        return found

    def is_named(self, kind: type[AnyDocument], namespace: str, name: str) -> bool:
        """Whether there is a document of this kind and name, also one with errors."""
        return (kind.__name__, namespace, name) in self._named

    def _run_plan(self, namespace: str, name: str) -> Plan | None:
        run = self.find(ValidationRun, namespace, name)
        return None if run is None else plan_run(run, self.options)

    def _run_bundle(self, namespace: str, name: str) -> Bundle | None:
        plan = self.run_plan(namespace, name)
        return None if plan is None else build_bundle(plan)
