"""
From a typed run to a plan: names, labels, manifests, times, rights, all resolved as far as a compiler can.

No Argo words, no clock, no text formats. What only the cluster knows stands as a *place*: a spot named in the plan,
holding a template such as `${chainId}-rpc`, that the runner fills. Nothing else is ever searched for placeholders.
"""

from validationrun.compiling.plan.build import build_plan
from validationrun.compiling.plan.model import (
    Accounts,
    ChainObject,
    ConfigFile,
    Endpoints,
    Manifest,
    Parameter,
    Plan,
    PlannedLoad,
    PlannedRule,
    Right,
    SharedRules,
    Step,
    TextPlace,
    Timings,
)

__all__ = [
    "Accounts",
    "ChainObject",
    "ConfigFile",
    "Endpoints",
    "Manifest",
    "Parameter",
    "Plan",
    "PlannedLoad",
    "PlannedRule",
    "Right",
    "SharedRules",
    "Step",
    "TextPlace",
    "Timings",
    "build_plan",
]
