"""The shape of the package: who imports whom, and who may touch what."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gctune"
MODULES = sorted(PACKAGE.rglob("*.py"))
FLOORS = {
    "defaults": 0,
    "errors": 0,
    "record": 0,
    "host": 1,
    "runtime": 2,
    "memory": 3,
    "monitor": 4,
    "pacing": 5,
    "metrics": 5,
    "server": 5,
    "profile": 6,
    "endpoints": 7,
    "settings": 8,
    "simulator": 8,
    "recommender": 9,
    "verifier": 10,
    "report": 11,
    "services": 11,
    "startup": 11,
    "integrations": 12,
    "cli": 12,
}
RUNTIME_WING = 7  # floors up to this one import the standard library and psutil alone
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


def _floor(module: Path) -> int | None:
    if _path(module) == BOOTSTRAP:
        return FLOORS["cli"]  # a program of its own, which happens to lie in the runtime's folder
    return FLOORS.get(_path(module).split("/")[0].removesuffix(".py"))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the floor"
            assert node.module is not None
            yield node.module
            if node.module == "gctune":
                yield from (f"gctune.{alias.name}" for alias in node.names)


def _dotted(tree: ast.AST) -> set[str]:
    return {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


def _tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", MODULES, ids=_path)
def test_no_import_rises(module: Path) -> None:
    floor = _floor(module)
    if floor is None:
        return  # gctune/__init__.py and __main__.py name what others hold
    rooms = [name.split(".")[1] for name in _imports(_tree(module)) if name.startswith("gctune.")]
    rising = [room for room in rooms if FLOORS.get(room, 0) > floor]
    assert rising == []


@pytest.mark.parametrize("module", MODULES, ids=_path)
def test_the_runtime_wing_imports_the_standard_library_alone(module: Path) -> None:
    if (_floor(module) or 0) > RUNTIME_WING:
        return
    allowed = {*sys.stdlib_module_names, "gctune", "psutil"}
    tops = {name.split(".")[0] for name in _imports(_tree(module))}
    assert tops <= allowed


@pytest.mark.parametrize("module", MODULES, ids=_path)
def test_psutil_is_imported_only_where_it_is_used(module: Path) -> None:
    at_import = [name for node in _tree(module).body for name in _imports_of(node)]
    assert "psutil" not in at_import


def _imports_of(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from _imports(node)


@pytest.mark.parametrize("module", MODULES, ids=_path)
def test_only_settings_import_pydantic(module: Path) -> None:
    tops = {name.split(".")[0] for name in _imports(_tree(module))}
    if not _path(module).startswith("settings/"):
        assert not tops & {"pydantic", "pydantic_settings", "pydantic_core"}


@pytest.mark.parametrize("act", MAY)
def test_each_act_on_the_world_has_its_place(act: str) -> None:
    found = {_path(module) for module in MODULES if act in _dotted(_tree(module))}
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
