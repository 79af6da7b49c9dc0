"""
From a typed run to a plan: names, labels, manifests, times, rights, all resolved as far as a compiler can.

No Argo words, no clock, no text formats. What only the cluster knows stands as a *place*: a spot named in the plan,
holding a template such as `${chainId}-rpc`, that the runner fills. Nothing else is ever searched for placeholders.
"""

from validationrun.compiling.plan.build import build_plan
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
    "PlannedLoad",
    "PlannedRule",
    "Right",
    "SharedRules",
    "Step",
    "Timings",
    "build_plan",
]
