"""Writes schemas/ from the documents of `contract/`; with `--check` it only says what differs, and ends 1."""

import json
import sys

from helpers import ROOT
from validationrun.contract.schemas import schemas


def main(arguments: list[str]) -> int:
    texts = {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas().items()}
    stale = [name for name, text in texts.items() if not _is(name, text)]
    if "--check" in arguments:
        for name in stale:
            print(f"schemas/{name} is not what the documents say; run: make schemas")
        return 1 if stale else 0
    for name in stale:
        (ROOT / "schemas" / name).write_text(texts[name], "utf-8")
    return 0


def _is(name: str, text: str) -> bool:
    path = ROOT / "schemas" / name
    return path.exists() and path.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
