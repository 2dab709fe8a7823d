"""Asks a service on a unix socket at a fixed rate, and prints how long each answer took.

    python tests/benchmarks/tail_client.py SOCKET RATE SECONDS

A request's time runs from when it was due, sent or not: a service that stops
for a second has kept everybody waiting who would have come meanwhile (what
leaves them out is called coordinated omission).
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys

CONNECTIONS = 128
LENGTH = b"content-length:"


class Client:
    """Connections to one service, each at one request at a time."""

    def __init__(self, path: str) -> None:
        self.seconds: list[float] = []
        self._path = path
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]

    async def run(self, rate: float, seconds: float) -> None:
        self._free = asyncio.Queue()
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await asyncio.open_unix_connection(self._path))
        begun = asyncio.get_running_loop().time() + 0.1
        numbers = range(int(rate * seconds))
        await asyncio.gather(*(self._ask(number, begun + number / rate) for number in numbers))

    async def _ask(self, number: int, due: float) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(due - loop.time())
        reader, writer = connection = await self._free.get()
        writer.write(b"GET /%d HTTP/1.1\r\nHost: service\r\n\r\n" % number)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        (length,) = [line for line in head.split(b"\r\n") if line.startswith(LENGTH)]
        await reader.readexactly(int(length.removeprefix(LENGTH)))
        self.seconds.append(loop.time() - due)
        self._free.put_nowait(connection)


if __name__ == "__main__":
    socket, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    gc.disable()
    client = Client(socket)
    asyncio.run(client.run(rate, seconds))
    print(json.dumps(client.seconds))
