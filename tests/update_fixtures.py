"""
Writes the expected messages of tests/fixtures/invalid. `make fixtures` calls it; read the diff before committing it.

No test calls this: a test that wrote its own expectation would always pass.
"""

from helpers import INVALID, expected_file, findings_of, shown


def main() -> None:
    wanted = {expected_file(fixture): shown(findings_of(fixture)) for fixture in INVALID}
    for file, text in wanted.items():
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8", newline="\n")
            print(f"wrote {file.name}")
    for folder in {file.parent for file in wanted}:
        for file in set(folder.glob("*.expected.txt")) - wanted.keys():
            file.unlink()
            print(f"removed {file.name}")


if __name__ == "__main__":
    main()
