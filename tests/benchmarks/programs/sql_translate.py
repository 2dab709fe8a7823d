"""A SQL translator: sqlglot parses, optimises and writes generated queries.

A short-lived tree of a few hundred nodes a query, each pointing at its parent.
"""

from __future__ import annotations

from random import Random

import sqlglot
from command import run
from sqlglot.optimizer import optimize

QUERIES = 260
MOST_NAMES = 40  # that a query asks for
SCHEMA = {
    f"table{n}": {"id": "int", "owner": "int", "name": "text", "amount": "decimal"}
    for n in range(12)
}
QUERY = """
WITH latest AS (
  SELECT owner, MAX(amount) AS top, COUNT(*) AS n FROM table{a}
  WHERE amount > {number} GROUP BY owner
), named AS (
  SELECT x.id, x.name, l.top FROM table{b} AS x JOIN latest AS l ON x.owner = l.owner
  WHERE x.name LIKE 'a%' AND (l.top > 10 OR l.n < {number})
)
SELECT n.name, SUM(c.amount * 2 + 1) AS total, CASE WHEN n.top > 5 THEN 'high' ELSE 'low' END AS k
FROM named AS n LEFT JOIN table{c} AS c ON c.id = n.id AND c.amount BETWEEN 1 AND {number}
WHERE EXISTS (SELECT 1 FROM table{a} AS e WHERE e.id = n.id) OR n.name IN ({names})
GROUP BY n.name, n.top HAVING SUM(c.amount) > 3 ORDER BY total DESC LIMIT 10
"""


def main(scale: float, seed: int) -> None:
    choice = Random(seed)
    for number in range(max(1, round(QUERIES * scale))):
        a, b, c = choice.choices(range(len(SCHEMA)), k=3)
        names = ", ".join(f"'name {each}'" for each in range(choice.randint(1, MOST_NAMES)))
        query = QUERY.format(a=a, b=b, c=c, number=number, names=names)
        tree = sqlglot.parse_one(query, read="postgres")
        optimize(tree, schema=SCHEMA, dialect="postgres").sql(dialect="snowflake", pretty=True)


if __name__ == "__main__":
    run(main)
