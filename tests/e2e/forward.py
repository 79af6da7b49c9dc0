"""
Forwards a port to another host: `python3 forward.py PORT HOST PORT`, until it is killed.

It stands in front of a Prometheus that must go away for one run and stay for all others. Its end closes every connection, which
taking endpoints from a Service does not do.
"""

import asyncio
import sys


async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    except OSError:
        pass
    finally:
        target.close()


async def main(port: str, host: str, behind: str) -> None:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection(host, int(behind))
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    server = await asyncio.start_server(forward, "0.0.0.0", int(port))  # noqa: S104 - of a pod
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
