"""
A TOY of a chain, for the demo: one process that counts. It has no consensus, no state and nothing to do with Sei.

It serves, on one port of this machine: Tendermint's `/status`; `eth_blockNumber`, `eth_sendRawTransaction` and the made-up
`toy_included` as JSON-RPC; and `/metrics` under the names that a real node has.

    python3 demo/toy_chain.py toy-1 [--stall-after SECONDS]     prints its URL, then serves until it is ended
"""

import argparse
import http.server
import json
import threading
import time

BLOCK_SECONDS = 0.5
BLOCK_TRANSACTIONS = 500


class Chain:
    """A height, a mempool, and the number of transactions in blocks."""

    def __init__(self, chain_id, stall_after):
        self.chain_id = chain_id
        self.stall_after = stall_after
        self.height = 1
        self.pending = 0
        self.included = 0
        self.first = None
        self.lock = threading.Lock()

    def stalled(self):
        return self.first is not None and time.monotonic() - self.first >= self.stall_after

    def make_blocks(self):
        while True:
            time.sleep(BLOCK_SECONDS)
            with self.lock:
                if not self.stalled():
                    taken = min(self.pending, BLOCK_TRANSACTIONS)
                    self.height, self.pending, self.included = (
                        self.height + 1,
                        self.pending - taken,
                        self.included + taken,
                    )

    def accept(self):
        """A transaction goes to the mempool, whether or not a block will ever take it."""
        with self.lock:
            self.first = self.first or time.monotonic()
            self.pending += 1

    def answer(self, method):
        if method == "eth_blockNumber":
            return hex(self.height)
        if method == "eth_sendRawTransaction":
            self.accept()
            return "0x0"
        if method == "toy_included":
            return hex(self.included)
        raise ValueError(f"this toy knows no {method}")

    def status(self):
        info = {"latest_block_height": str(self.height), "catching_up": False}
        return {"result": {"node_info": {"network": self.chain_id}, "sync_info": info}}

    def metrics(self):
        labels = f'{{chain_id="{self.chain_id}"}}'
        return (
            "# TYPE tendermint_consensus_height gauge\n"
            f"tendermint_consensus_height{labels} {self.height}\n"
            "# TYPE tendermint_consensus_total_txs gauge\n"
            f"tendermint_consensus_total_txs{labels} {self.included}\n"
        )


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    chain = None

    def do_GET(self):
        if self.path == "/status":
            self.send(json.dumps(self.chain.status()), "application/json")
        elif self.path == "/metrics":
            self.send(self.chain.metrics(), "text/plain; version=0.0.4")
        else:
            self.send_error(404)

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        answer = {"jsonrpc": "2.0", "id": request.get("id")}
        try:
            answer["result"] = self.chain.answer(request.get("method"))
        except ValueError as error:
            answer["error"] = {"code": -32601, "message": str(error)}
        self.send(json.dumps(answer), "application/json")

    def send(self, text, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description="a toy of a chain")
    parser.add_argument("chain_id")
    parser.add_argument("--stall-after", type=float, default=float("inf"), help="seconds after the first transaction")
    arguments = parser.parse_args()
    Handler.chain = Chain(arguments.chain_id, arguments.stall_after)
    threading.Thread(target=Handler.chain.make_blocks, daemon=True).start()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
