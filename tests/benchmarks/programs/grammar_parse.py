"""A parser generator: lark reads programs of a small language and folds their trees.

Trees of tokens with their places, without cycles, the last few of which are kept.
"""

from __future__ import annotations

from collections import deque
from random import Random

from command import run
from lark import Lark, Token, Transformer, Tree

SOURCES = 260
MOST_FUNCTIONS = 40  # of a source
KEPT = 6
GRAMMAR = r"""
start: function*
function: "def" NAME "(" [NAME ("," NAME)*] ")" block
block: "{" statement* "}"
?statement: NAME "=" sum ";" -> assign
    | "if" sum block ["else" block] -> choose
    | "while" sum block -> repeat
    | "return" sum ";" -> give
?sum: product | sum "+" product -> add | sum "-" product -> subtract
?product: atom | product "*" atom -> multiply | product "<" atom -> less
?atom: NUMBER | STRING | NAME | NAME "(" [sum ("," sum)*] ")" -> call | "(" sum ")"
    | "[" [sum ("," sum)*] "]" -> sequence
NAME: /[a-z_]\w*/
NUMBER: /\d+(\.\d+)?/
STRING: /"[^"]*"/
COMMENT: /#[^\n]*/
%import common.WS
%ignore WS
%ignore COMMENT
"""
FUNCTION = """
# The {n}th of them.
def function{n}(first, second, third) {{
    total = (first * {n} + second) * third - call(first, "text {n}", [1, 2.5, {n}, second]);
    if total < {n} {{ total = total + 1; }} else {{
        while total < second * (third - {n}) {{
            total = total + function{n}(total, 1, [first, [second, [third]]]) * 2;
            if first {{ return total * (1 + 2 * (3 + 4 * (5 + {n}))); }}
        }}
    }}
    return total;
}}
"""


class Fold(Transformer):
    """Works out what is constant."""

    def add(self, parts: list[object]) -> object:
        return self._folded("add", parts, lambda a, b: a + b)

    def multiply(self, parts: list[object]) -> object:
        return self._folded("multiply", parts, lambda a, b: a * b)

    def _folded(self, name: str, parts: list[object], work: object) -> object:
        if all(isinstance(part, Token) and part.type == "NUMBER" for part in parts):
            return Token("NUMBER", str(work(*map(float, parts))))
        return Tree(name, parts)


def main(scale: float, seed: int) -> None:
    choice, kept = Random(seed), deque(maxlen=KEPT)
    parser = Lark(GRAMMAR, parser="lalr", propagate_positions=True, maybe_placeholders=True)
    for number in range(max(1, round(SOURCES * scale))):
        functions = range(choice.randint(5, MOST_FUNCTIONS))
        tree = parser.parse("".join(FUNCTION.format(n=number + each) for each in functions))
        kept.append(Fold().transform(tree))


if __name__ == "__main__":
    run(main)
