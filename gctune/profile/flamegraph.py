"""A heap as a flame graph: one page of HTML that any browser shows, and that fetches nothing."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import islice
from zlib import crc32

from gctune.host.files import printable
from gctune.profile.sites import Function, Heap, Site

_LEAST = 0.0005  # of the whole; what is smaller is left blank
_DEEPEST = 200  # functions of a stack; browsers lay out some 500 boxes within one another

_PAGE = """\
<!doctype html>
<meta charset="utf-8">
<title>heap</title>
<style>
body {{ font: 12px system-ui, sans-serif; margin: 1em }}
.row {{ display: flex }}
.box {{ min-width: 0; overflow: hidden }}
.box > b {{ display: block; height: 17px; line-height: 17px; padding: 0 3px; font-weight: normal;
  white-space: nowrap; overflow: hidden; cursor: pointer; border: 1px solid #fff; color: #000 }}
.off {{ display: none }}
</style>
<p>{about}. Who called stands above; a click shows a part alone, a click on the top all again.</p>
<div class="row">{boxes}</div>
<script>
addEventListener("click", event => {{
  const chosen = event.target.closest("b")?.parentElement;
  if (!chosen) return;
  document.querySelectorAll(".off").forEach(each => each.classList.remove("off"));
  for (let box = chosen; box; box = box.parentElement.closest(".box"))
    for (const other of box.parentElement.children)
      if (other !== box) other.classList.add("off");
}});
</script>
"""


class _Node:
    """What one function holds where it is called by those above, and whom it calls."""

    def __init__(self) -> None:
        self.bytes = self.blocks = 0
        self.callees: dict[Function, _Node] = {}

    def add(self, site: Site) -> None:
        """Add what a site holds, here and along its stack."""
        node = self
        node._count(site)
        for frame in islice(reversed(site.stack), _DEEPEST):
            node = node.callees.setdefault(frame.function, _Node())
            node._count(site)

    def _count(self, site: Site) -> None:
        self.bytes += site.bytes
        self.blocks += site.blocks


def page(heap: Heap) -> bytes:
    """Encode a heap as a flame graph by bytes; of a difference, what has grown."""
    root = _Node()
    for site in heap.sites:
        if site.bytes > 0:
            root.add(site)
    about = f"{root.bytes:,} bytes in {root.blocks:,} blocks"
    boxes = "".join(_box(root.bytes or 1, Function("all", "", 0), root))
    return _PAGE.format(about=about, boxes=boxes).encode("utf-8", "backslashreplace")


def _box(whole: int, function: Function, node: _Node) -> Iterator[str]:
    place = f"{function.file}:{function.line}" if function.line else function.file
    size = f"{node.bytes:,} bytes in {node.blocks:,} blocks, {node.bytes / whole:.1%}"
    title = escape(f"{printable(function.name)} {printable(place)}\n{size}")
    hue = crc32(function.file.encode("utf-8", "backslashreplace")) % 360
    yield f'<div class="box" style="flex:{node.bytes} 0 0"><b title="{title}"'
    yield f' style="background:hsl({hue},60%,82%)">{escape(_label(function))}</b>'
    yield '<div class="row">'
    yield from _boxes(whole, node)
    yield "</div></div>"


def _label(function: Function) -> str:
    """Its name, with its file where there are many of that name, as of `<module>`."""
    file = function.file.rpartition("/")[2]
    many = function.name.startswith("<") and file not in ("", function.name)
    return printable(f"{function.name} {file}" if many else function.name)


def _boxes(whole: int, node: _Node) -> Iterator[str]:
    """The boxes of whom a function calls, the largest first, and the blank beside them."""
    shown = [each for each in node.callees.items() if each[1].bytes >= _LEAST * whole]
    for function, callee in sorted(shown, key=_largest_first):
        yield from _box(whole, function, callee)
    blank = node.bytes - sum(callee.bytes for _, callee in shown)
    if blank:
        yield f'<div style="flex:{blank} 0 0"></div>'


def _largest_first(callee: tuple[Function, _Node]) -> tuple[int, Function]:
    return -callee[1].bytes, callee[0]
