"""Finds the package data: `templates/` and `schemas/`. No other module looks for them."""

import importlib.resources
import pathlib
from importlib.resources.abc import Traversable


def data_folder(kind: str) -> Traversable:
    """
    The folder of one kind of data (`templates` or `schemas`), in a wheel or in a checkout.

    A wheel carries a copy below `validationrun/_data`.
    A checkout (also an editable install) is read in place, so that edits apply at once.

    Raises:
        FileNotFoundError: the installation is broken; the message names both places.
    """
    checkout = pathlib.Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").is_file() and (checkout / kind).is_dir():
        return checkout / kind
    packaged = importlib.resources.files("validationrun") / "_data" / kind
    if packaged.is_dir():
        return packaged
    raise FileNotFoundError(f"the installation lacks its {kind}: looked in {packaged} and {checkout / kind}")
