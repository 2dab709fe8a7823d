"""`gctune doctor`, as a person and as a program read it."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gctune.host.allocator import Allocator
from gctune.host.container import Container, Limit
from gctune.host.interpreter import Collector, Interpreter, this_interpreter
from gctune.host.machine import Host
from gctune.report.data import as_data
from gctune.report.diagnosis import bearing_variables, diagnose, warnings
from gctune.runtime.plan import HANDED_DOWN

GLIBC = Allocator("pymalloc", "glibc", trim=True, mallopt=True)
LIMITED = Container(Limit(1 << 30, "/memory.max"), 1, None, (), "v2")
UNLIMITED = LIMITED._replace(limit=None)


def doctor(folder: Path, *options: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "gctune", "doctor", *options],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_text_fits_80_columns_and_has_no_escapes(tmp_path: Path) -> None:
    text = doctor(tmp_path)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert this_interpreter().collector in text
    assert "gc.threshold0" in text


def test_json_has_the_facts_of_this_host(tmp_path: Path) -> None:
    found = json.loads(doctor(tmp_path, "--json"))
    here = diagnose()
    assert found["host"]["interpreter"] == as_data(here.host.interpreter)
    assert found["host"]["container"]["version"] == here.host.container.version
    assert found["host"]["cpus"] == here.host.cpus
    assert found["allocator"] == as_data(here.allocator)
    knobs = {knob["setting"]: knob for knob in found["knobs"]}
    assert knobs["gc.threshold0"]["default"] == this_interpreter().thresholds[0]
    assert knobs["memory.hard_limit"]["default"] == "unlimited"


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GCTUNE_MONITOR__TOKEN", "s3cret"),
        ("GCTUNE_MONITOR__TOKEM", "s3cret"),
        ("GCTUNE_PASSWD", "s3cret"),
        ("GCTUNE_MONITOR", '{"password": "s3cret"}'),
        ("GCTUNE_MONITOR", '{"token": "s3cret"}'),
        ("GCTUNE_PLAN", '[1, "monitor.token", "s3cret"]'),
    ],
)
def test_a_secret_is_never_printed(
    tmp_path: Path, form: tuple[str, ...], name: str, value: str
) -> None:
    output = doctor(tmp_path, *form, **{name: value})
    assert name in output
    assert "s3cret" not in output


def test_hostile_variables_reach_no_terminal(tmp_path: Path) -> None:
    hostile = os.fsdecode(b"\xff\x1b[31m[bold]")
    folder = tmp_path / hostile
    folder.mkdir()
    (folder / "sitecustomize.py").touch()
    variables = {f"GCTUNE_{hostile}": hostile, "PYTHONPATH": str(folder)}
    text = doctor(tmp_path, **variables)
    assert "".join(text.splitlines()).isprintable()
    assert r"\x1b[31m[bold]" in text
    json.loads(doctor(tmp_path, "--json", **variables))


def test_variables_that_bear_on_tuning_are_found_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").touch()
    environ = {
        "APP_ENV": "prod",
        "GLIBC_TUNABLES": "glibc.malloc.arena_max=1",
        "HOME": "/root",
        "LD_PRELOAD": "",
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_CONF": "narenas:1",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": f"/elsewhere:{tmp_path}",
    }
    found = {variable.name: variable for variable in bearing_variables(environ)}
    assert list(found) == [name for name in environ if name != "HOME"]
    assert found["MALLOC_ARENA_MAX"].value == "2"
    assert "jemalloc" in found["MALLOC_CONF"].bearing
    assert str(tmp_path) in found["PYTHONPATH"].bearing


def test_what_gctune_hands_down_is_no_setting() -> None:
    environ = dict.fromkeys(HANDED_DOWN, "{}")
    assert {each.bearing for each in bearing_variables(environ)} == {
        "handed down by gctune to the program that it started"
    }


def test_a_path_without_a_sitecustomize_does_not_matter() -> None:
    assert list(bearing_variables({"PYTHONPATH": "/elsewhere"})) == []


def host(collector: str, container: Container = LIMITED) -> Host:
    return Host(Interpreter("cpython", (3, 14, 2), collector, (1, 2, 3), "glibc"), container, 1)


def test_nothing_wrong_gives_no_warning() -> None:
    assert list(warnings(host(Collector.GENERATIONAL), GLIBC, {})) == []


@pytest.mark.parametrize(
    ("here", "allocator", "environ", "words"),
    [
        (host(Collector.INCREMENTAL), GLIBC, {}, "upgrade to 3.14.5"),
        (host(Collector.FREE_THREADED), GLIBC, {}, "free-threaded"),
        (host(Collector.UNKNOWN), GLIBC, {}, "does not know"),
        (host(Collector.GENERATIONAL, UNLIMITED), GLIBC, {}, "no memory limit is known"),
        (
            host(Collector.GENERATIONAL),
            Allocator("pymalloc", "jemalloc", trim=False, mallopt=False),
            {},
            "jemalloc is loaded",
        ),
        (host(Collector.GENERATIONAL), GLIBC._replace(python="malloc"), {}, "by malloc"),
        (host(Collector.GENERATIONAL), GLIBC, {"GCTUNE_DISABLE": "1"}, "GCTUNE_DISABLE"),
    ],
)
def test_what_matters_is_warned_of(
    here: Host, allocator: Allocator, environ: dict[str, str], words: str
) -> None:
    (warning,) = warnings(here, allocator, environ)
    assert words in warning


def test_a_present_value_is_what_the_process_has() -> None:
    present = {knob.setting: knob.present for knob in diagnose().knobs}
    assert present["gc.threshold0"] == gc.get_threshold()[0]
    assert present["gc.enabled"] == gc.isenabled()
