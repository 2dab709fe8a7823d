"""The shape of the package: who imports whom, and who may touch what."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gctune"
MODULES = sorted(PACKAGE.rglob("*.py"))
README = PACKAGE.parent / "README.md"

# The folders of the README's list, and the modules beside them: each imports only from those above.
ROOMS = [
    "defaults",
    "errors",
    "record",
    "saving",
    "secret",
    "host",
    "runtime",
    "memory",
    "monitor",
    "pacing",
    "metrics",
    "server",
    "profile",
    "endpoints",
    "services",
    "settings",
    "startup",
    "simulator",
    "recommender",
    "verifier",
    "report",
    "integrations",
    "cli",
]
LOBBY = {"__init__", "__main__"}  # they name what others hold
RUNTIME_WING = {*ROOMS[: ROOMS.index("settings")], "startup", *LOBBY}
BOOTSTRAP = "runtime/bootstrap/sitecustomize.py"

# What costs a bare interpreter milliseconds or megabytes; a child of `gctune run` goes without.
TOO_DEAR_AT_START = {
    "argparse",
    "collections",
    "ctypes",
    "dataclasses",
    "enum",
    "inspect",
    "json",
    "logging",
    "platform",
    "psutil",
    "pydantic",
    "re",
    "threading",
    "typing",
}

# Each act on the world, and the only modules that may do it.
MAY = {
    "os.environ": {
        "settings/sources.py",
        "runtime/launch.py",
        "runtime/malloc.py",
        "startup.py",
        BOOTSTRAP,
    },
    "gc.callbacks": {"monitor/recorder.py", "pacing/stopwatch.py"},
    "gc.set_threshold": {"runtime/knobs.py"},
    "gc.enable": {"runtime/knobs.py"},
    "gc.disable": {"runtime/knobs.py"},
    "gc.freeze": {"runtime/knobs.py"},
    "gc.unfreeze": {"runtime/knobs.py"},
    "gc.collect": {"runtime/knobs.py"},
    "resource.setrlimit": {"runtime/knobs.py"},
    "threading.Thread": set(),  # see gctune/monitor/loop.py
}


def _path(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def _room(module: Path) -> str:
    return _path(module).split("/")[0].removesuffix(".py")


def _floor(module: Path) -> int:
    if _path(module) == BOOTSTRAP:
        return len(ROOMS)  # a program of its own, which happens to lie in the runtime's folder
    return ROOMS.index(_room(module))


@cache
def _imports(module: Path) -> frozenset[str]:
    return frozenset(_imported(_tree(module)))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the floor"
            assert node.module is not None
            yield node.module
            if node.module == "gctune":
                yield from (f"gctune.{alias.name}" for alias in node.names)


@cache
def _dotted(module: Path) -> frozenset[str]:
    return frozenset(
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    )


def _tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def test_every_folder_and_module_has_its_floor() -> None:
    assert {_room(module) for module in MODULES} == {*ROOMS, *LOBBY}


def test_the_floors_are_the_readme_s_list() -> None:
    inside = README.read_text(encoding="utf-8").partition("## Inside")[2]
    rows = re.findall(r"^\|(.*?)\|", inside, re.MULTILINE)
    folders = [room for room in ROOMS if (PACKAGE / room).is_dir()]
    assert re.findall(r"`(\w+)/`", " ".join(rows)) == folders


@pytest.mark.parametrize("module", MODULES, ids=_path)
def test_no_import_rises(module: Path) -> None:
    if _room(module) in LOBBY:
        return
    names = [name for name in _imports(module) if name.startswith("gctune.")]
    rooms = {name.split(".")[1] for name in names} - {"__version__"}
    assert rooms - {*ROOMS[: _floor(module) + 1]} == set()


@pytest.mark.parametrize("module", MODULES, ids=_path)
def test_the_runtime_wing_imports_the_standard_library_alone(module: Path) -> None:
    if _room(module) not in RUNTIME_WING or _path(module) == BOOTSTRAP:
        return
    allowed = {*sys.stdlib_module_names, "gctune", "psutil"}
    tops = {name.split(".")[0] for name in _imports(module)}
    assert tops <= allowed


@pytest.mark.parametrize("module", MODULES, ids=_path)
def test_psutil_is_imported_only_where_it_is_used(module: Path) -> None:
    at_import = [name for node in _tree(module).body for name in _imports_of(node)]
    assert "psutil" not in at_import


def _imports_of(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from _imported(node)


@pytest.mark.parametrize("module", MODULES, ids=_path)
def test_only_settings_import_pydantic(module: Path) -> None:
    tops = {name.split(".")[0] for name in _imports(module)}
    if not _path(module).startswith("settings/"):
        assert not tops & {"pydantic", "pydantic_settings", "pydantic_core"}


@pytest.mark.parametrize("act", MAY)
def test_each_act_on_the_world_has_its_place(act: str) -> None:
    found = {_path(module) for module in MODULES if act in _dotted(module)}
    assert found <= MAY[act]


@pytest.mark.parametrize("module", MODULES, ids=_path)
def test_only_the_command_line_prints(module: Path) -> None:
    if _path(module).startswith("cli/"):
        return
    names = {node.id for node in ast.walk(_tree(module)) if isinstance(node, ast.Name)}
    assert "print" not in names


def test_what_a_tuned_child_imports_is_cheap() -> None:
    script = (
        "import sys; before = set(sys.modules)\n"
        f"sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
        "import gctune.startup, gctune.monitor.thread\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "gctune" in loaded
    assert loaded & TOO_DEAR_AT_START == set()
    assert loaded <= {*sys.stdlib_module_names, "gctune"}


def test_importing_gctune_imports_nothing_else_of_it() -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); import gctune\n"
        "print(*[name for name in sys.modules if name.startswith('gctune')])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["gctune"]


def test_every_public_name_has_a_docstring() -> None:
    import gctune

    bare = [name for name in gctune.__all__ if not (getattr(gctune, name).__doc__ or "").strip()]
    assert bare == []
    assert set(gctune.__all__) <= set(dir(gctune))
