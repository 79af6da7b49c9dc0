"""
A workload that knows what must reach it: `python3 -c THIS ARG...` in any container with a Python.

The variable EXPECTED says it in JSON: sha256 of each argument and directory entry, and by name of each variable and config
file. What differs is printed, and ends it with 1. The run's and the chain's id, which nobody knows beforehand, stand in all of
it as `<<run>>` and `<<chain>>`. Until its time is over it tells Prometheus the texts of the files named by EXPECTED's `shown`.
"""

import hashlib
import http.server
import json
import os
import pathlib
import sys
import threading
import time

FOLDER = pathlib.Path(os.environ["CONFIG_DIR"])
PORT = 9100
RUDE = "\x1b]0;owned\x07\x1b[2J\x1b[31m {{workflow.name}} {{=sprig.env('HOME')}} ::error::x </script><b> \u202e \u200b end\n"


def digest(text):
    known = text.replace(os.environ["RUN_ID"], "<<run>>").replace(os.environ["CHAIN_ID"], "<<chain>>")
    return hashlib.sha256(known.encode("utf-8", "surrogateescape")).hexdigest()


def read(name):
    return (FOLDER / name).read_bytes().decode()


def entries(folder):
    return sorted(one.name for one in pathlib.Path(folder).iterdir())


def found(expected):
    """All that arrived, by place."""
    names = sorted(one.name for one in FOLDER.iterdir() if not one.name.startswith(".."))
    places = {f"argv {index}": text for index, text in enumerate(sys.argv[1:])}
    places.update({f"env {name}": os.environ.get(name, "<<unset>>") for name in expected["env"]})
    places.update({f"file {name}": read(name) for name in names})
    places.update({f"folder {one}": "/".join(entries(one)) for one in expected["folders"]})
    return places


def wanted(expected):
    """The sha256 of each place."""
    places = {f"argv {index}": value for index, value in enumerate(expected["argv"])}
    for kind, word in (("env", "env"), ("files", "file"), ("folders", "folder")):
        places.update({f"{word} {name}": value for name, value in expected[kind].items()})
    return places


def differences(expected):
    here, there = found(expected), wanted(expected)
    lines = [f"{place}: never arrived" for place in sorted(there.keys() - here.keys())]
    lines += [f"{place}: nobody sent it" for place in sorted(here.keys() - there.keys())]
    both = sorted(here.keys() & there.keys())
    return lines + [f"{one}: differs: {ascii(here[one])[:400]}" for one in both if digest(here[one]) != there[one]]


def metrics(names):
    """In Prometheus' text format."""

    def sample(name):
        text = read(name).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'hostile_text{{run_id="{os.environ["RUN_ID"]}",file="{name}",text="{text}"}} 1\n'

    return "".join(map(sample, names)).encode()


def serve(body):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("", PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main():
    expected = json.loads(os.environ["EXPECTED"])
    wrong = differences(expected)
    if wrong:
        sys.stdout.write(RUDE)
    print("\n".join(wrong) or "all arrived", flush=True)
    if expected["shown"]:
        serve(metrics(expected["shown"]))
        time.sleep(int(os.environ["DURATION_SECONDS"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
