"""
`validation.sei.io/v1alpha1`.

Each model is imported at its first use, so that a step that reads only rules does not import the other models.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1.chain import ChainSpec, Deployment, Endpoints, SeiNodeDeploymentSpec
    from validationrun.spec.v1alpha1.load import LoadSpec, Workload
    from validationrun.spec.v1alpha1.rules import (
        AlertRule,
        CounterRule,
        Matcher,
        QueryRule,
        Rule,
        RunProperties,
        Series,
    )
    from validationrun.spec.v1alpha1.run import Metadata, ValidationRun, ValidationRunSpec
    from validationrun.spec.v1alpha1.schedule import ValidationSchedule
    from validationrun.spec.v1alpha1.suite import SuiteRun, ValidationSuite, ValidationSuiteSpec

__all__ = [
    "AlertRule",
    "ChainSpec",
    "CounterRule",
    "Deployment",
    "Endpoints",
    "LoadSpec",
    "Matcher",
    "Metadata",
    "QueryRule",
    "Rule",
    "RunProperties",
    "SeiNodeDeploymentSpec",
    "Series",
    "SuiteRun",
    "ValidationRun",
    "ValidationRunSpec",
    "ValidationSchedule",
    "ValidationSuite",
    "ValidationSuiteSpec",
    "Workload",
]

_MODULES: Final = {
    **dict.fromkeys(("ChainSpec", "Deployment", "Endpoints", "SeiNodeDeploymentSpec"), "chain"),
    **dict.fromkeys(("LoadSpec", "Workload"), "load"),
    **dict.fromkeys(("AlertRule", "CounterRule", "Matcher", "QueryRule", "Rule", "RunProperties", "Series"), "rules"),
    **dict.fromkeys(("Metadata", "ValidationRun", "ValidationRunSpec"), "run"),
    **dict.fromkeys(("ValidationSchedule",), "schedule"),
    **dict.fromkeys(("SuiteRun", "ValidationSuite", "ValidationSuiteSpec"), "suite"),
}


def __getattr__(name: str) -> Any:
    """Imports a model at its first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
