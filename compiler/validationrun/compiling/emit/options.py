"""What a user may choose about the output beside the spec itself."""

from dataclasses import dataclass

from validationrun.base.conventions import DEFAULT_RUNNER_IMAGE


@dataclass(frozen=True, slots=True)
class EmitOptions:
    """
    Options of `compile`. The same options must be given to `compile --check`.

    Attributes:
        label: finalize may label the Workflow with the verdict; needs the policy in access-cluster.yaml.
        executor_patch: give Argo's own containers the restricted security context; off for Argo 4.1's init-less pods.
        instance_id: of the Argo controller, where an installation has several.
        priority_class: of the steps' pods.
        cluster_domain: appended to host names, where `.svc` alone does not resolve.
        settle_s: how long after its evaluation time a query is asked; None for the runner's default.
        prometheus_secret: a Secret of the run's namespace, which ensure-chain and rule-evaluator mount; empty for none.
        prometheus_keys: which of `token`, `ca.crt` and `headers` it has. What is named and missing is an Error at run time.
    """

    runner_image: str = DEFAULT_RUNNER_IMAGE
    label: bool = True
    executor_patch: bool = True
    instance_id: str = ""
    priority_class: str = ""
    cluster_domain: str = ""
    settle_s: int | None = None
    prometheus_secret: str = ""
    prometheus_keys: tuple[str, ...] = ()
