"""The wrappers of docs/workload.md: the load of each, by its heading."""

import pathlib
import re
from typing import Any, Final

import yaml

_PAGE: Final = pathlib.Path(__file__).parents[1] / "docs" / "workload.md"

WRAPPERS: Final[dict[str, Any]] = {
    name: yaml.safe_load(text)
    for name, text in re.findall(
        r"^### ([^\n]+)\n\n```yaml\n(.*?)```", _PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
}
