"""An asyncio service with a large heap: starlette beside a million live objects.

Driven in its own event loop by httpx, many requests at a time. The catalogue
stays; sessions, which point at their visits and back, come, grow and go.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import httpx
from command import run
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

REQUESTS = 15_000
CLIENTS = 20
PRODUCTS = 120_000
SESSIONS = 400
MOST_SHOWN = 60  # products of an answer
CATALOGUE: list[dict[str, Any]] = []


class Session:
    """What one visitor has done so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.visits: list[Visit] = []


class Visit:
    """One look at some products."""

    def __init__(self, session: Session, shown: list[dict[str, Any]]) -> None:
        self.session, self.shown = session, [dict(each) for each in shown]


SERVED: dict[str, Session] = {}


def load(scale: float, seed: int) -> None:
    """Eight containers a product, of which dictionaries of numbers alone are not tracked."""
    choice = Random(seed)
    for number in range(PRODUCTS):
        offers = [{"shop": shop, "price": choice.random()} for shop in range(4)]
        product = {"id": number, "offers": offers, "tags": ["a", number % 7], "like": {}}
        CATALOGUE.append(product)
        product["like"]["next"] = CATALOGUE[number // 2]


async def products(request: Request) -> JSONResponse:
    start, many = request.path_params["start"], request.path_params["many"]
    session = SERVED.setdefault(request.headers["x-session"], Session("visitor"))
    shown = CATALOGUE[start : start + many]
    session.visits.append(Visit(session, shown))
    await asyncio.sleep(0)
    answer = [{"id": each["id"], "offers": each["offers"]} for each in shown]
    return JSONResponse({"products": answer, "visits": len(session.visits)})


async def leave(request: Request) -> JSONResponse:
    session = SERVED.pop(request.headers["x-session"], None)
    return JSONResponse({"left": session is not None})


ROUTES = [
    Route("/products/{start:int}/{many:int}", products),
    Route("/leave", leave, methods=["POST"]),
]


async def visitor(client: httpx.AsyncClient, requests: int, choice: Random) -> None:
    for _ in range(requests):
        headers = {"x-session": f"session {choice.randrange(SESSIONS)}"}
        start, many = choice.randrange(PRODUCTS), choice.randint(1, MOST_SHOWN)
        await client.get(f"/products/{start}/{many}", headers=headers)
        if choice.random() < 0.2:
            await client.post("/leave", headers=headers)


async def serve(requests: int, seed: int) -> None:
    transport = httpx.ASGITransport(app=Starlette(routes=ROUTES))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        each = max(1, requests // CLIENTS)
        await asyncio.gather(
            *(visitor(client, each, Random(seed * CLIENTS + n)) for n in range(CLIENTS))
        )


def main(scale: float, seed: int) -> None:
    asyncio.run(serve(round(REQUESTS * scale), seed))


if __name__ == "__main__":
    run(main)
