"""Heaps for flame graphs: speedscope's JSON, and collapsed stacks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from gctune import __version__
from gctune.profile.sites import Frame, Heap

_SCHEMA = "https://www.speedscope.app/file-format-schema.json"
_SEPARATORS = str.maketrans(";\n\r", ":  ")  # what would end a frame or a line


def speedscope(heap: Heap) -> bytes:
    """Encode a heap for speedscope: one flame graph of bytes, one of blocks."""
    numbers: dict[Frame, int] = {}
    for site in heap.sites:
        for frame in reversed(site.stack):
            numbers.setdefault(frame, len(numbers))
    stacks = [[numbers[frame] for frame in reversed(site.stack)] for site in heap.sites]
    document = {
        "$schema": _SCHEMA,
        "exporter": f"gctune {__version__}",
        "name": "heap",
        "shared": {"frames": list(map(_frame, numbers))},
        "profiles": [
            _graph("bytes in use", "bytes", stacks, (site.bytes for site in heap.sites)),
            _graph("blocks in use", "none", stacks, (site.blocks for site in heap.sites)),
        ],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _frame(frame: Frame) -> dict[str, str | int]:
    return {"name": frame.function.name, "file": frame.function.file, "line": frame.line}


def _graph(name: str, unit: str, stacks: list[list[int]], weights: Iterable[int]) -> dict[str, Any]:
    weighed = list(weights)
    return {
        "type": "sampled",
        "name": name,
        "unit": unit,
        "startValue": 0,
        "endValue": sum(weighed),
        "samples": stacks,
        "weights": weighed,
    }


def collapsed(heap: Heap) -> bytes:
    """Encode a heap as lines of `outermost;...;leaf bytes`, for flamegraph.pl and its kin."""
    lines = (f"{';'.join(map(_name, reversed(site.stack)))} {site.bytes}\n" for site in heap.sites)
    return "".join(lines).encode("utf-8", "backslashreplace")


def _name(frame: Frame) -> str:
    return f"{frame.function.name} ({frame.function.file}:{frame.line})".translate(_SEPARATORS)
