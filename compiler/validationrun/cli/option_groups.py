"""Groups of options: a dataclass declares them once, and every verb that names it as the type of a parameter has them."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from validationrun.cli.verbosity import Verbosity


def verb(run: Callable[..., None]) -> Callable[..., None]:
    """
    The function of a verb as typer needs it: each group among its parameters spread out to options of their own.

    A group is a dataclass whose fields are annotated as typer's options are. Every verb also has the options of Verbosity.
    """
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(run).parameters.values():
        if dataclasses.is_dataclass(parameter.annotation):
            groups[parameter.name] = parameter.annotation
            parameters += _options(parameter.annotation)
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    def call(**given: Any) -> None:
        def gathered(group: Any) -> Any:
            return group(**{field.name: given.pop(field.name) for field in dataclasses.fields(group)})

        gathered(Verbosity).start_logging()
        of_groups = {name: gathered(group) for name, group in groups.items()}
        run(**given, **of_groups)

    parameters += _options(Verbosity)
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__doc__ = run.__doc__
    return call


def _options(group: Any) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for field in dataclasses.fields(group)
    ]
