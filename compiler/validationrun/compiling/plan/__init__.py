"""
From a typed run to a plan: names, labels, manifests, times and rights, resolved as far as a compiler can.

No Argo terms, no clock, no text formats. A value that only the cluster knows is a *place*: a position, listed in the plan,
that holds a template such as `${chainId}-rpc`. The runner fills the places and searches no other text for placeholders.
"""

from validationrun.compiling.plan.build import PlanOptions, build_plan
from validationrun.compiling.plan.model import (
    ChainObject,
    ConfigFile,
    Manifest,
    Parameter,
    Plan,
    PlannedLoad,
    PlannedRule,
    Right,
    SharedRules,
    Step,
    Timings,
)

__all__ = [
    "ChainObject",
    "ConfigFile",
    "Manifest",
    "Parameter",
    "Plan",
    "PlanOptions",
    "PlannedLoad",
    "PlannedRule",
    "Right",
    "SharedRules",
    "Step",
    "Timings",
    "build_plan",
]
