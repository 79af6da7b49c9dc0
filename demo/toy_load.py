"""
A TOY of a load generator, for the demo. It keeps the contract of docs/workload.md; its transactions are counters.

Reads its profile from CONFIG_DIR, sends for DURATION_SECONDS, writes a summary to RESULT_DIR, and exits 0, or 1 when what it
asserts does not hold: that every transaction was accepted.
"""

import http.client
import json
import os
import pathlib
import signal
import sys
import time
import urllib.parse


def call(connection, method):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": []})
    connection.request("POST", "/", body, {"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())


def main():
    profile = json.loads(pathlib.Path(os.environ["CONFIG_DIR"], "profile.json").read_text())
    shard, shards = int(os.environ["SHARD_INDEX"]), int(os.environ["SHARD_COUNT"])
    seconds, rate = int(os.environ["DURATION_SECONDS"]), profile["transactionsPerSecond"] / shards
    url = urllib.parse.urlsplit(profile["endpoints"][shard % len(profile["endpoints"])])
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=5)
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append("SIGTERM"))

    print(
        f"toy load, shard {shard} of {shards}: {rate:g} transactions a second at {url.geturl()} for {seconds}s",
        flush=True,
    )
    sent = accepted = 0
    start = time.monotonic()
    while not told and (now := time.monotonic() - start) < seconds:
        if sent < now * rate:
            sent += 1
            accepted += "result" in call(connection, "eth_sendRawTransaction")
        else:
            time.sleep(0.5 / rate)
    summary = {
        "chainId": profile["chainId"],
        "shard": shard,
        "sent": sent,
        "accepted": accepted,
        "endedBy": told or ["duration"],
    }
    pathlib.Path(os.environ["RESULT_DIR"], "summary.json").write_text(json.dumps(summary) + "\n")
    print(f"sent {sent}, accepted {accepted}; {'told to end' if told else 'done'}", flush=True)
    return 0 if accepted == sent else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as error:
        print(f"toy load: {error}", file=sys.stderr)
        sys.exit(2)
