"""An HTML parser: html5lib reads generated pages into trees and writes them again.

A tree of some ten thousand nodes a page, each with its parent: cyclic, and
dead as soon as the next page comes.
"""

from __future__ import annotations

import html5lib
from command import run

PAGES = 70
ROWS = 220
ROW = (
    "<tr class=r{n}><td><a href='/page/{n}' title=t>link {n}</a><td><p>text &amp; <b>bold {n}"
    "<i>both</b>slanted</i><ul><li>one<li>two <em>{n}</em></ul><td><img src=x{n}.png alt=x></tr>"
)


def page(number: int) -> str:
    rows = "".join(ROW.format(n=number * ROWS + row) for row in range(ROWS))
    return f"<!doctype html><title>page {number}</title><h1>{number}</h1><table>{rows}</table>"


def main(scale: float) -> None:
    for number in range(max(1, round(PAGES * scale))):
        tree = html5lib.parse(page(number), treebuilder="dom")
        html5lib.serialize(tree, tree="dom")


if __name__ == "__main__":
    run(main)
