"""`validation.sei.io/v1alpha1`."""

from validationrun.api.v1alpha1.chain import ChainSpec, Deployment, Endpoints, SeiNodeDeploymentSpec
from validationrun.api.v1alpha1.load import LoadSpec, Workload
from validationrun.api.v1alpha1.rules import AlertRule, Matcher, QueryRule, Rule, RunProperties
from validationrun.api.v1alpha1.run import Metadata, ValidationRun, ValidationRunSpec

__all__ = [
    "AlertRule",
    "ChainSpec",
    "Deployment",
    "Endpoints",
    "LoadSpec",
    "Matcher",
    "Metadata",
    "QueryRule",
    "Rule",
    "RunProperties",
    "SeiNodeDeploymentSpec",
    "ValidationRun",
    "ValidationRunSpec",
    "Workload",
]
