"""The asyncio service of `programs/service.py` behind uvicorn, and clients that load it.

    python served.py serve PORT [THRESHOLDS]
    python served.py load PORT SECONDS [REQUESTS]

The clients ask for products, each at intervals drawn by lot, and print when they
began and ended (time.perf_counter_ns) and what each request took, as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import sys
import time
from pathlib import Path
from random import Random

CLIENTS = 8
PAUSE = 0.002  # seconds between two requests of one client, in the mean


def serve(port: int, thresholds: str = "") -> None:
    if thresholds:
        gc.set_threshold(*map(int, thresholds.split(",")))
    sys.path.insert(0, str(Path(__file__).parent / "programs"))
    import service
    import uvicorn
    from starlette.applications import Starlette

    service.load(1.0, 1)
    uvicorn.run(Starlette(routes=service.ROUTES), port=port, log_level="error")


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    with socket.socket() as probe:
        while probe.connect_ex(("127.0.0.1", port)):
            await asyncio.sleep(0.1)
    return await asyncio.open_connection("127.0.0.1", port)


class Load:
    """What is asked of the service until `seconds` have passed or `requests` were made."""

    def __init__(self, port: int, seconds: float, requests: int) -> None:
        self.port = port
        self.deadline = time.monotonic() + seconds
        self.left = requests
        self.took: list[tuple[int, float]] = []

    async def client(self, number: int) -> None:
        choice = Random(number)
        reader, writer = await connected(self.port)
        while self.left > 0 and time.monotonic() < self.deadline:
            self.left -= 1
            await asyncio.sleep(choice.expovariate(1 / PAUSE))
            start = time.perf_counter_ns()
            writer.write(self.request(choice))
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            self.took.append((start, (time.perf_counter_ns() - start) / 1e6))
        writer.close()

    def request(self, choice: Random) -> bytes:
        target = f"GET /products/{choice.randrange(100_000)}/{choice.randint(1, 60)}"
        session = f"session {choice.randrange(400)}"
        if choice.random() < 0.2:
            target = "POST /leave"
        lines = (f"{target} HTTP/1.1", "host: test", f"x-session: {session}", "content-length: 0")
        return "\r\n".join((*lines, "", "")).encode()

    async def run(self) -> dict[str, object]:
        _, writer = await connected(self.port)
        writer.close()
        start = time.perf_counter_ns()
        await asyncio.gather(*map(self.client, range(CLIENTS)))
        return {"start_ns": start, "end_ns": time.perf_counter_ns(), "took": self.took}


def load(port: int, seconds: float, requests: int = 10**9) -> None:
    print(json.dumps(asyncio.run(Load(port, seconds, requests).run())))


if __name__ == "__main__":
    act, *arguments = sys.argv[1:]
    if act == "serve":
        serve(int(arguments[0]), *arguments[1:])
    else:
        load(int(arguments[0]), float(arguments[1]), *map(int, arguments[2:]))
