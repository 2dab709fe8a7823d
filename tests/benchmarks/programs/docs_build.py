"""A documentation build: Sphinx turns generated reStructuredText into HTML.

The doctrees grow during the build and die at its end; nodes point at their
parents, so what does die is cyclic.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from random import Random

from command import run
from sphinx.application import Sphinx

PAGES = 60
FEWEST, MOST = 6, 18  # sections of a page
SECTION = """
.. _page{page}-section{section}:

Section {section} of page {page}
--------------------------------

The *{section}th* part says ``name{section}`` and points at :ref:`page{other}-section0`,
:doc:`page{other}` and `a site <https://example.org/{page}/{section}>`_.

.. function:: function_{page}_{section}(first, second=None, *, third: int = 3) -> str

   Answers with **something** of ``first``.

   :param first: the first one
   :param third: how many of them
   :returns: a text

.. code-block:: python

   def function_{page}_{section}(first, second=None, *, third=3):
       return [first(each) for each in range(third) if each != second]

=========  ===========  =====
name       meaning      unit
=========  ===========  =====
alpha      the first    ms
beta       the second   bytes
=========  ===========  =====

1. one thing
2. another thing, with a list

   - of a
   - and a b
"""


def page(number: int, pages: int, sections: int) -> str:
    title = f"Page {number}"
    body = (
        SECTION.format(page=number, section=section, other=(number * 7 + section) % pages)
        for section in range(sections)
    )
    return f"{title}\n{'=' * len(title)}\n{''.join(body)}"


def write_source(folder: Path, pages: int, choice: Random) -> None:
    names = "".join(f"   page{number}\n" for number in range(pages))
    folder.mkdir()
    (folder / "conf.py").write_text("project = 'generated'\n")
    (folder / "index.rst").write_text(f"Index\n=====\n\n.. toctree::\n\n{names}")
    for number in range(pages):
        (folder / f"page{number}.rst").write_text(page(number, pages, choice.randint(FEWEST, MOST)))


def main(scale: float, seed: int) -> None:
    with tempfile.TemporaryDirectory() as root:
        source, out = Path(root, "source"), Path(root, "out")
        write_source(source, max(1, round(PAGES * scale)), Random(seed))
        quiet = {"status": io.StringIO(), "warning": io.StringIO()}
        Sphinx(source, source, out, out / "doctrees", "html", **quiet).build()


if __name__ == "__main__":
    run(main)
