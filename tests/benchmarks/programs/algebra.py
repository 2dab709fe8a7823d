"""Computer algebra: sympy expands, differentiates, integrates and solves.

Expressions come and go in great numbers; its caches keep some of them.
"""

from __future__ import annotations

from random import Random

import sympy
from command import run

ROUNDS = 24


def problem(number: int) -> None:
    x, y, z = sympy.symbols("x y z")
    power = 5 + number % 4
    expanded = sympy.expand((x + (number + 1) * y - z) ** power * (x - y) ** 3)
    sympy.factor(expanded)
    sympy.diff(sympy.sin(x * y) ** 2 * sympy.exp(number * x) / (x + z), x, x, y)
    sympy.integrate(x ** (number % 5) * sympy.exp(-x) * sympy.sin(x), x)
    sympy.solve(x**3 - (number + 1) * x + y, x)
    sympy.Matrix(4, 4, lambda i, j: x**i + number * y * j + i).det()


def main(scale: float, seed: int) -> None:
    numbers = list(range(max(1, round(ROUNDS * scale))))
    Random(seed).shuffle(numbers)
    for number in numbers:
        problem(number + 4 * seed)


if __name__ == "__main__":
    run(main)
