"""An HTML parser: html5lib reads generated pages into trees and writes them again.

A tree of some ten thousand nodes a page, each with its parent: cyclic, and
dead as soon as the next page comes.
"""

from __future__ import annotations

from random import Random

import html5lib
from command import run

PAGES = 70
FEWEST, MOST = 90, 350  # rows of a page
ROW = (
    "<tr class=r{n}><td><a href='/page/{n}' title=t>link {n}</a><td><p>text &amp; <b>bold {n}"
    "<i>both</b>slanted</i><ul><li>one<li>two <em>{n}</em></ul><td><img src=x{n}.png alt=x></tr>"
)


def page(number: int, rows: int) -> str:
    body = "".join(ROW.format(n=number * MOST + row) for row in range(rows))
    return f"<!doctype html><title>page {number}</title><h1>{number}</h1><table>{body}</table>"


def main(scale: float, seed: int) -> None:
    choice = Random(seed)
    for number in range(max(1, round(PAGES * scale))):
        tree = html5lib.parse(page(number, choice.randint(FEWEST, MOST)), treebuilder="dom")
        html5lib.serialize(tree, tree="dom")


if __name__ == "__main__":
    run(main)
