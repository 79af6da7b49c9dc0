"""What the `series.min` of a rule stands for in a chain."""

from typing import TYPE_CHECKING

from validationrun.base.document import Document

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import ChainSpec, Series


class Expected(Document, frozen=True, omit_defaults=True):
    """
    The `series.min` of a rule, with the names of deployments resolved.

    Attributes:
        count: how many values of the label must be there.
        objects: templates of the names with which the values begin, such as `${chainId}-validators`; empty counts every value.
        others: templates of the names of the chain's other objects that begin with one of `objects`.
    """

    count: int
    objects: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def expected_of(series: "Series | None", chain: "ChainSpec | None") -> Expected | None:
    """
    What `series.min` stands for; None for a rule without `series`.

    Raises:
        ValueError: it names nothing of this chain.
    """
    if series is None:
        return None
    if isinstance(series.min, int):
        return Expected(series.min)
    deployments = list(chain.deployments or []) if chain is not None else []
    roles = {"validators": ("validator",), "fullNodes": ("fullNode",), "nodes": ("validator", "fullNode")}
    # A deployment's own name goes before the name of a role.
    chosen = [entry for entry in deployments if entry.name == series.min]
    chosen = chosen or [entry for entry in deployments if entry.role in roles.get(series.min, ())]
    if not chosen:
        raise ValueError(f"series.min {series.min} names no deployment of this chain")
    objects = tuple(f"${{chainId}}-{entry.name}" for entry in chosen)
    others = tuple(
        name
        for name in (f"${{chainId}}-{entry.name}" for entry in deployments)
        if name not in objects and any(name.startswith(f"{own}-") for own in objects)
    )
    return Expected(sum(entry.spec.replicas for entry in chosen), objects, others)
