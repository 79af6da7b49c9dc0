"""Options for the output that are not part of the spec."""

from dataclasses import dataclass

from validationrun.base.conventions import DEFAULT_PROMETHEUS_URL, DEFAULT_RUNNER_IMAGE


@dataclass(frozen=True, slots=True)
class EmitOptions:
    """
    Options of `compile`. The same options must be given to `compile --check`.

    Attributes:
        label: finalize may label the Workflow with the verdict; needs the policy in access-cluster.yaml.
        executor_patch: give Argo's own containers the restricted security context; off for Argo 4.1's init-less pods.
        instance_id: instance id of the Argo controller, for an installation with several controllers.
        priority_class: priority class of the steps' pods.
        cluster_domain: appended to host names where `.svc` alone does not resolve.
        settle_s: delay of a query after its evaluation time; None for the runner's default.
        prometheus_secret: a Secret in the run's namespace that ensure-chain and rule-evaluator mount; empty for none.
        prometheus_keys: the keys it has, of `token`, `ca.crt` and `headers`. A key named here but missing is an Error at run time.
        prometheus_url: the Prometheus that the steps ask; only its host gets the credentials.
        lock: names of parameters that the template does not take, or `all`.
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
    prometheus_url: str = DEFAULT_PROMETHEUS_URL
    lock: tuple[str, ...] = ()
