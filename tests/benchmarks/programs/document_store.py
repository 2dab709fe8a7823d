"""Serialisation: marshmallow checks documents on their way into a store and out of it.

Many nested objects: what is loaded stays, newer versions push older ones out,
and every request makes and drops a tree of plain data. A customer knows its
orders and an order its customer, so that what is pushed out is cyclic.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from command import run
from marshmallow import Schema, fields, post_load, validate

REQUESTS = 9000
CUSTOMERS = 1500
MOST_ORDERS, MOST_LINES = 12, 8


@dataclass
class Line:
    article: str
    count: int
    price: float
    options: dict[str, str]


@dataclass
class Order:
    number: int
    lines: list[Line]
    tags: list[str]
    customer: Customer | None = None


@dataclass
class Customer:
    name: str
    email: str
    address: dict[str, str]
    orders: list[Order] = field(default_factory=list)

    def __post_init__(self) -> None:
        for order in self.orders:
            order.customer = self


class LineSchema(Schema):
    article = fields.String(required=True, validate=validate.Length(max=50))
    count = fields.Integer(validate=validate.Range(min=1))
    price = fields.Float()
    options = fields.Dict(keys=fields.String(), values=fields.String())

    @post_load
    def made(self, data: dict[str, Any], **_: object) -> Line:
        return Line(**data)


class OrderSchema(Schema):
    number = fields.Integer(required=True)
    lines = fields.List(fields.Nested(LineSchema))
    tags = fields.List(fields.String())

    @post_load
    def made(self, data: dict[str, Any], **_: object) -> Order:
        return Order(**data)


class CustomerSchema(Schema):
    name = fields.String(required=True)
    email = fields.Email()
    address = fields.Dict(keys=fields.String(), values=fields.String())
    orders = fields.List(fields.Nested(OrderSchema))

    @post_load
    def made(self, data: dict[str, Any], **_: object) -> Customer:
        return Customer(**data)


def line(choice: Random) -> dict[str, Any]:
    options = {f"option {n}": "as usual" for n in range(choice.randint(0, 3))}
    return {"article": "a thing", "count": choice.randint(1, 9), "price": 2.5, "options": options}


def document(number: int, choice: Random) -> str:
    orders = [
        {
            "number": order,
            "lines": [line(choice) for _ in range(choice.randint(1, MOST_LINES))],
            "tags": [f"tag {choice.randrange(30)}" for _ in range(3)],
        }
        for order in range(choice.randint(1, MOST_ORDERS))
    ]
    address = {"street": f"street {number}", "town": "town"}
    name, email = f"customer {number}", f"customer{number}@example.org"
    return json.dumps({"name": name, "email": email, "address": address, "orders": orders})


def main(scale: float, seed: int) -> None:
    choice, schema = Random(seed), CustomerSchema()
    store: dict[int, Customer] = {}
    for _ in range(max(1, round(REQUESTS * scale))):
        number = choice.randrange(CUSTOMERS)
        store[number] = schema.loads(document(number, choice))
        schema.dumps(store[choice.choice(list(store))])


if __name__ == "__main__":
    run(main)
