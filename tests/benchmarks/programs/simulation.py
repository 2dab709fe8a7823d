"""A discrete-event simulation: simpy runs the customers of a network of queues.

Each customer is a generator with its events, a few hundred to a few thousand
of them at once; what they leave behind is partly cyclic. A record of each stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import simpy
from command import run

CUSTOMERS = 70_000
STATIONS = 12
MOST_STEPS = 9  # stations that a customer visits
PATIENCE = 25.0


class Network:
    """Stations with a few servers each, and what became of each customer."""

    def __init__(self, choice: Random) -> None:
        self.environment = simpy.Environment()
        self.choice = choice
        self.stations = [
            simpy.PriorityResource(self.environment, capacity=choice.randint(2, 6))
            for _ in range(STATIONS)
        ]
        self.stock = simpy.Container(self.environment, capacity=1000, init=500)
        self.record: list[dict[str, Any]] = []

    def arrivals(self, customers: int) -> Iterator[Any]:
        for number in range(customers):
            self.environment.process(self.customer(number))
            yield self.environment.timeout(self.choice.expovariate(1.6))

    def customer(self, number: int) -> Iterator[Any]:
        visits = []
        for station in self.choice.choices(range(STATIONS), k=self.choice.randint(1, MOST_STEPS)):
            came = self.environment.now
            served = yield from self.visit(station)
            visits.append((station, served, self.environment.now - came))
        self.record.append({"customer": number, "visits": visits})

    def visit(self, station: int) -> Iterator[Any]:
        with self.stations[station].request(priority=self.choice.randrange(3)) as turn:
            patience = self.environment.timeout(self.choice.expovariate(1 / PATIENCE))
            answer = yield turn | patience
            if turn not in answer:
                return False
            parts = self.stock.get(1) & self.environment.timeout(self.choice.expovariate(0.5))
            yield parts
        return True

    def supply(self) -> Iterator[Any]:
        while True:
            yield self.environment.timeout(10)
            yield self.stock.put(min(60, self.stock.capacity - self.stock.level or 1))


def main(scale: float, seed: int) -> None:
    network = Network(Random(seed))
    network.environment.process(network.supply())
    arrived = network.environment.process(network.arrivals(max(1, round(CUSTOMERS * scale))))
    network.environment.run(until=arrived)


if __name__ == "__main__":
    run(main)
