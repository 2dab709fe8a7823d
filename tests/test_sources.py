"""Settings from arguments, variables, the file and presets, each with its origin."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from gctune.errors import ConfigError
from gctune.settings.sources import Loaded, load, load_each


class Project:
    """A directory with files, from which settings are loaded."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, text: str, name: str = "gctune.toml") -> Path:
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def load(self, environ: Mapping[str, str] | None = None, **arguments: Any) -> Loaded:
        environment = arguments.pop("environment", None)
        return load(
            arguments, environment=environment, environ=environ or {}, directory=self.directory
        )

    def problems(self, environ: Mapping[str, str] | None = None, **arguments: Any) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            self.load(environ, **arguments)
        return list(caught.value.problems)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


EVERY_LAYER = """
gc.threshold0 = 3
gc.threshold1 = 3
gc.threshold2 = 3
memory.limit = "3GiB"
[environments.production]
gc.threshold0 = 4
gc.threshold1 = 4
gc.threshold2 = 4
"""


def test_what_is_closer_to_the_program_wins(project: Project) -> None:
    project.write(EVERY_LAYER)
    variables = {
        "ENVIRONMENT": "production",
        "GCTUNE_GC__THRESHOLD0": "5",
        "GCTUNE_GC__THRESHOLD1": "5",
    }
    loaded = project.load(variables, gc={"threshold0": 6})
    gc = loaded.settings.gc
    assert (gc.threshold0, gc.threshold1, gc.threshold2) == (6, 5, 4)
    assert loaded.settings.memory.limit == 3 * 2**30
    assert loaded.settings.monitor.level == "basic"
    assert {name: loaded.origins[name] for name in ("gc.threshold0", "gc.threshold1")} == {
        "gc.threshold0": "argument",
        "gc.threshold1": "variable GCTUNE_GC__THRESHOLD1",
    }
    assert loaded.origins["gc.threshold2"] == "gctune.toml: environments.production"
    assert loaded.origins["memory.limit"] == "gctune.toml"
    assert loaded.origins["monitor.level"] == "preset production"
    assert loaded.origins["monitor.interval"] == "default"


def test_layers_are_merged_setting_by_setting(project: Project) -> None:
    project.write("[alerts.heap]\nhold = '1m'\n[pools.buffer]\nmax_size = 7\n")
    loaded = project.load({"GCTUNE_POOLS__SESSION__MAX_SIZE": "9"})
    assert str(loaded.settings.alerts.heap.threshold) == "500MB"
    assert str(loaded.settings.alerts.heap.hold) == "1m"
    assert {name: pool.max_size for name, pool in loaded.settings.pools.items()} == {
        "buffer": 7,
        "request": 50,
        "session": 9,
    }


@pytest.mark.parametrize("rule", ["heap", "gc_pause", "thrashing", "leak"])
def test_an_alert_is_turned_off_by_a_word(project: Project, rule: str) -> None:
    project.write(f"alerts.{rule}.threshold = 'never'\n")
    loaded = project.load()
    assert getattr(loaded.settings.alerts, rule).threshold is None
    assert loaded.origins[f"alerts.{rule}.threshold"] == "gctune.toml"
    project.write("")
    loaded = project.load({f"GCTUNE_ALERTS__{rule.upper()}__THRESHOLD": "never"})
    assert getattr(loaded.settings.alerts, rule).threshold is None


def test_every_setting_has_an_origin(project: Project) -> None:
    loaded = project.load()
    assert len(loaded.origins) == len(loaded.typed) > 30
    assert set(loaded.origins.values()) == {"default", "preset development"}


@pytest.mark.parametrize("variable", ["GCTUNE_ENVIRONMENT", "ENVIRONMENT", "APP_ENV"])
def test_a_variable_names_the_environment(project: Project, variable: str) -> None:
    loaded = project.load({variable: "staging"})
    assert loaded.environment == "staging"
    assert loaded.notes == ()


def test_the_first_variable_that_says_something_counts(project: Project) -> None:
    variables = {"GCTUNE_ENVIRONMENT": "", "ENVIRONMENT": "test", "APP_ENV": "production"}
    assert project.load(variables).environment == "test"
    assert project.load({**variables, "GCTUNE_ENVIRONMENT": "staging"}).environment == "staging"
    assert project.load(variables, environment="production").environment == "production"


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("dev", "development"), ("develop", "development"), ("local", "development"),
        ("stage", "staging"), ("preprod", "staging"), ("prod", "production"),
        ("live", "production"), ("testing", "test"), ("ci", "test"), ("Production ", "production"),
    ],
)  # fmt: skip
def test_environments_go_by_their_usual_names(project: Project, alias: str, name: str) -> None:
    assert project.load({"ENVIRONMENT": alias}).environment == name


def test_without_a_name_it_is_development_with_a_note(project: Project) -> None:
    loaded = project.load()
    assert loaded.environment == "development"
    assert "taken as development" in loaded.notes[0]


def test_an_unknown_environment_lists_the_known(project: Project) -> None:
    project.write("[environments.canary]\nextends = 'production'\n")
    assert project.problems({"APP_ENV": "prd"}) == [
        "APP_ENV = 'prd': unknown environment;"
        " give one of development, test, staging, production, canary"
    ]


def test_an_environment_stands_on_those_it_extends(project: Project) -> None:
    project.write(
        "[environments.canary]\nextends = 'live'\ngc.threshold1 = 7\n"
        "[environments.prod]\ngc.threshold1 = 8\ngc.threshold2 = 8\n"
    )
    loaded = project.load({"ENVIRONMENT": "canary"})
    assert (loaded.settings.gc.threshold1, loaded.settings.gc.threshold2) == (7, 8)
    assert loaded.origins["gc.threshold2"] == "gctune.toml: environments.prod"
    assert loaded.origins["memory.limit"] == "preset production"


@pytest.mark.parametrize(
    ("tables", "preset"),
    [
        ("[environments.base]\n[environments.production]\nextends = 'base'\n", "production"),
        ("[environments.production]\nextends = 'staging'\n", "staging"),
        (
            "[environments.base]\n[environments.staging]\nextends = 'base'\n"
            "[environments.production]\nextends = 'staging'\n",
            "staging",
        ),
    ],
)
def test_the_preset_is_that_of_the_last_that_has_one(
    project: Project, tables: str, preset: str
) -> None:
    project.write(tables)
    loaded = project.load({"ENVIRONMENT": "production"})
    assert loaded.environment == "production"
    assert loaded.origins["memory.limit"] == f"preset {preset}"
    assert loaded.origins["monitor.level"] == f"preset {preset}"


def test_a_circle_of_environments_is_named(project: Project) -> None:
    project.write("[environments.a]\nextends = 'b'\n[environments.b]\nextends = 'a'\n")
    assert project.problems({"ENVIRONMENT": "a"}) == [
        "gctune.toml:4: environments.b.extends = 'a': a circle, a -> b -> a; break it"
    ]


@pytest.mark.parametrize("extends", ["'nowhere'", "3", "[]", "'a'"])
def test_extending_what_is_not_there_is_a_problem(project: Project, extends: str) -> None:
    project.write(f"[environments.a]\nextends = {extends}\n")
    (problem,) = project.problems({"ENVIRONMENT": "a"})
    assert problem.startswith("gctune.toml:2: environments.a.extends = ")


def test_one_environment_has_one_table(project: Project) -> None:
    project.write("[environments.prod]\n[environments.production]\n")
    assert project.problems() == [
        "gctune.toml:1: environments.prod: the same environment as environments.production;"
        " keep one"
    ]


def test_all_problems_are_told_at_once_in_the_one_form(project: Project) -> None:
    project.write(
        "[gc]\nfreze = 'fork'\nmode = 'fast'\n"
        "[memory]\nlimit = '512M'\narenas = [1]\n"
        "[pools]\nBuffer.max_size = 3\n"
        "[environments.dev]\nmonitor = 3\n"
    )
    variables = {"GCTUNE_GC__THRESHOLD0": "lots", "GCTUNE_GC_FREEZE": "fork"}
    assert project.problems(variables, memory={"trim": "4GiB"}) == [
        "GCTUNE_GC_FREEZE = 'fork': unknown setting; did you mean GCTUNE_GC__FREEZE?",
        "gctune.toml:10: environments.dev.monitor = 3: a section, not a setting;"
        " set monitor.level, say",
        "gctune.toml:2: gc.freze = 'fork': unknown setting; did you mean gc.freeze?",
        "gctune.toml:6: memory.arenas = [...]: not a single value; give one value",
        "gctune.toml:8: pools.Buffer = {...}: not a name for a pool;"
        " use a to z, 0 to 9 and _, a letter first",
        "GCTUNE_GC__THRESHOLD0 = 'lots': not an integer; give 1 or more, or set gc.enabled = false",
        "gctune.toml:3: gc.mode = 'fast': unknown word; give 'static' or 'adaptive'",
        "gctune.toml:5: memory.limit = '512M': could be 512MiB (536870912 bytes)"
        " or 512MB (512000000 bytes); write the one you mean",
        "memory.trim = '4GiB': out of range; give less than 2GiB",
    ]


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("GCTUNE_GC__FREZE", "GCTUNE_GC__FREEZE"),
        ("GCTUNE_MEMORY__FREEZE", "GCTUNE_GC__FREEZE"),
        ("GCTUNE_POOLS__BUFFER__MAXSIZE", "GCTUNE_POOLS__BUFFER__MAX_SIZE"),
        ("GCTUNE_CONFG", "GCTUNE_CONFIG"),
        ("GCTUNE_ENVIROMENT", "GCTUNE_ENVIRONMENT"),
    ],
)
def test_a_mistyped_variable_is_a_problem(project: Project, variable: str, meant: str) -> None:
    assert project.problems({variable: "x"}) == [
        f"{variable} = 'x': unknown setting; did you mean {meant}?"
    ]


def test_a_variable_s_letters_may_be_of_any_case(project: Project) -> None:
    loaded = project.load({"gctune_gc__threshold0": "5", "GCTUNE_gc__threshold1": "6"})
    assert (loaded.settings.gc.threshold0, loaded.settings.gc.threshold1) == (5, 6)
    assert loaded.origins["gc.threshold0"] == "variable gctune_gc__threshold0"
    assert loaded.typed["gc.threshold1"] == "GCTUNE_gc__threshold1"
    assert project.problems({"gctune_disable": "1"}) == [
        "gctune_disable = '1': unknown setting; did you mean GCTUNE_DISABLE?"
    ]


@pytest.mark.parametrize("names", [*permutations(["GCTUNE_GC__FREEZE", "GCTUNE_gc__freeze"])])
def test_two_variables_for_one_setting_are_a_problem(
    project: Project, names: tuple[str, str]
) -> None:
    assert project.problems(dict.fromkeys(names, "fork")) == [
        f"{names[1]}: the same setting as {names[0]}; keep one"
    ]


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [
        ("GCTUNE_GC__THRESHOLD0__X", "unknown setting; did you mean GCTUNE_GC__THRESHOLD0?"),
        (
            "GCTUNE_POOLS__My-pool__MAX_SIZE",
            "not a name for a pool; use a to z, 0 to 9 and _, a letter first",
        ),
        ("GCTUNE___", "unknown setting; gctune schema lists what there is"),
    ],
)
def test_a_variable_is_told_by_its_whole_name_and_value(
    project: Project, variable: str, wrong: str
) -> None:
    environ = {"GCTUNE_GC__THRESHOLD0": "5000", variable: "7"}
    assert project.problems(environ) == [f"{variable} = '7': {wrong}"]


def test_a_variable_of_many_parts_is_told_short(project: Project) -> None:
    (problem,) = project.problems({"GCTUNE_GC" + "__X" * 40_000: "1"})
    assert len(problem) < 400


def test_an_empty_variable_counts_as_not_set(project: Project) -> None:
    loaded = project.load({"GCTUNE_GC__THRESHOLD0": "", "GCTUNE_NONSENSE": ""})
    assert loaded.settings.gc.threshold0 is None


def test_variables_that_are_no_settings_are_let_be(project: Project) -> None:
    project.load({"GCTUNE_PLAN": "x", "GCTUNE_CAPTURE": "x", "GCTUNE_DISABLE": "1"})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("[production.gc]\nfreeze = 'fork'\n", "environments.production.gc"),
        ("['my env'.memory]\nlimit = '1GiB'\n", "environments.'my env'.memory"),
        ("[tool.gctune.gc]\nfreeze = 'fork'\n", "gc"),
    ],
)
def test_a_table_at_the_wrong_place_is_told_where_it_belongs(
    project: Project, typed: str, meant: str
) -> None:
    project.write(typed)
    (problem,) = project.problems()
    assert problem.endswith(f" = {{...}}: unknown setting; did you mean [{meant}]?")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("[GC]\nfreeze = 'fork'\n", "gc"),
        ("[Memory]\nlimit = '80%'\n", "memory"),
        ("[alert.heap]\nhold = '1m'\n", "alerts"),
        ("[pool.x]\nmax_size = 3\n", "pools"),
        ("[alerts.Heap]\nhold = '1m'\n", "alerts.heap"),
        ("gc.Freeze = 'fork'\n", "gc.freeze"),
    ],
)
def test_a_mistyped_section_is_told_as_it_is_spelt(
    project: Project, typed: str, meant: str
) -> None:
    project.write(typed)
    (problem,) = project.problems()
    assert problem.endswith(f": unknown setting; did you mean {meant}?")


def test_a_mistyped_section_of_an_argument_is_told_likewise(project: Project) -> None:
    assert project.problems(GC={"freeze": "fork"}) == [
        "GC = {...}: unknown setting; did you mean gc?"
    ]


@pytest.mark.parametrize("table", ["gctune", "tool.Gctune", "GCTUNE"])
def test_a_project_s_table_that_is_plainly_meant_for_gctune_is_a_problem(
    project: Project, table: str
) -> None:
    project.write(f"[project]\n[{table}.gc]\nfreeze = 'fork'\n", "pyproject.toml")
    assert project.problems() == [
        f"pyproject.toml:2: {table} = {{...}}: unknown table; did you mean [tool.gctune]?"
    ]


def test_a_mistyped_table_is_a_problem(project: Project) -> None:
    project.write("[enviroments.production]\ngc.freeze = 'fork'\n")
    (problem,) = project.problems()
    assert problem.endswith("unknown setting; did you mean environments?")


@pytest.mark.parametrize(
    "line",
    [
        "monitor.token = 12345",
        "monitor.tokn = 'hunter2'",
        "monitor.token = ['hunter2']",
        "monitor.token = 'hunter2\u00e9'",
    ],
)
def test_no_message_repeats_a_secret(project: Project, line: str) -> None:
    project.write(line)
    (problem,) = project.problems()
    assert "***" in problem
    assert "hunter2" not in problem
    assert "12345" not in problem


def test_a_long_value_is_cut(project: Project) -> None:
    (problem,) = project.problems(gc={"freeze": "x" * 10_000})
    assert len(problem) < 200


def test_the_named_file_goes_before_the_directory_s(project: Project) -> None:
    project.write("gc.threshold0 = 3")
    project.write("gc.threshold0 = 4", "pyproject.toml")
    project.write("gc.threshold0 = 5", "other.toml")
    loaded = project.load({"GCTUNE_CONFIG": "other.toml"})
    assert loaded.settings.gc.threshold0 == 5
    assert loaded.origins["gc.threshold0"] == "other.toml"
    assert project.load().settings.gc.threshold0 == 3


def test_a_project_s_own_table_is_read(project: Project) -> None:
    project.write("[tool.gctune.gc]\nthreshold0 = 4\n[tool.other]\nx = 1\n", "pyproject.toml")
    loaded = project.load()
    assert loaded.settings.gc.threshold0 == 4
    assert loaded.origins["gc.threshold0"] == "pyproject.toml"
    project.write("[tool.gctune.gc]\nthreshold0 = 'x'\n", "pyproject.toml")
    assert project.problems()[0].startswith("pyproject.toml:2: gc.threshold0 = 'x'")


def test_a_project_s_own_table_is_a_table(project: Project) -> None:
    project.write("[tool]\ngctune = 3\n", "pyproject.toml")
    assert project.problems() == ["pyproject.toml: tool.gctune: not a table; write [tool.gctune]"]


def test_a_project_that_says_nothing_of_gctune_stops_nobody(project: Project) -> None:
    path = project.write("this is no TOML", "pyproject.toml")
    assert project.load().notes[1:] == ()
    path.chmod(0o666)
    assert "pyproject.toml: anybody may write it" in project.load().notes[0]


@pytest.mark.parametrize("text", ["[tool.gctune.gc]\nthreshold0 = 4\n", "[tool.gctune\n"])
def test_a_project_s_own_table_that_is_not_read_is_a_problem(project: Project, text: str) -> None:
    path = project.write(text, "pyproject.toml")
    path.chmod(0o666)
    assert project.problems() == [
        "pyproject.toml: anybody may write it; take that from it, with chmod o-w"
    ]
    path.chmod(0o644)
    path.write_bytes(b"# caf\xe9\n" + text.encode())
    assert project.problems() == ["pyproject.toml:1: not UTF-8; save it as UTF-8"]


@pytest.mark.parametrize("start", [b"# caf\xe9\n", b"\xef\xbb\xbf"])
def test_a_project_that_only_needs_gctune_stops_nobody(project: Project, start: bytes) -> None:
    path = project.write("", "pyproject.toml")
    path.write_bytes(start + b"[project]\ndependencies = ['gctune']\n")
    assert "(not read for settings)" in project.load().notes[0]


@pytest.mark.parametrize(
    ("section", "most"), [("environments", 64), ("pools", 256), ("environments.test.pools", 256)]
)
def test_more_tables_than_anybody_needs_are_refused(
    section: str, most: int, project: Project
) -> None:
    project.write("".join(f"[{section}.x{number}]\n" for number in range(most)))
    project.load()
    project.write("".join(f"[{section}.x{number}]\n" for number in range(most + 1)))
    assert project.problems() == [
        f"gctune.toml: {section}: more than {most}; leave some out",
    ]


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that fails")
def test_a_file_that_fails_as_it_is_read_is_refused(project: Project) -> None:
    problems = project.problems({"GCTUNE_CONFIG": "/proc/self/mem"})
    assert problems == [
        "GCTUNE_CONFIG = '/proc/self/mem': cannot be read: input/output error; name a readable file"
    ]


def test_a_file_that_anybody_may_write_is_not_read(project: Project) -> None:
    project.write("").chmod(0o646)
    assert project.problems() == [
        "gctune.toml: anybody may write it; take that from it, with chmod o-w"
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_read(project: Project) -> None:
    os.chown(project.write(""), 12345, -1)
    assert project.problems() == [
        "gctune.toml: belongs to another user; make it your own, or root's"
    ]


def test_a_file_that_is_named_must_be_there(project: Project) -> None:
    assert project.problems({"GCTUNE_CONFIG": "gone.toml", "GCTUNE_X": "1"}) == [
        "GCTUNE_CONFIG = 'gone.toml': cannot be read: no such file or directory;"
        " name a readable file",
        "GCTUNE_X = '1': unknown setting; gctune schema lists what there is",
    ]


def test_a_home_that_no_shell_has_put_in_is_told(project: Project) -> None:
    assert project.problems({"GCTUNE_CONFIG": "~/gctune.toml"}) == [
        "GCTUNE_CONFIG = '~/gctune.toml': a shell's ~, which is not read; give a whole path"
    ]


def test_broken_toml_names_its_line(project: Project) -> None:
    project.write("[gc]\nfreeze = \n")
    (problem,) = project.problems()
    assert problem.startswith("gctune.toml:2: not TOML: invalid value")


@pytest.mark.parametrize(
    "text",
    [
        "[gc]\n'freeze' = 1",
        "gc = {freeze = 1}",
        'x = """\n[gc]\nfreeze = 2\n"""\ngc.freeze = 1',
        "[gc] # freeze = 3\n\n  freeze   =  1",
        "x = [\n  'freeze = 1',\n]\n[ gc ]\nfreeze = 1",
    ],
)
def test_a_line_is_right_or_left_out(project: Project, text: str) -> None:
    project.write(text)
    wrong = next(each for each in project.problems() if "gc.freeze = 1" in each)
    where = wrong.split(" gc.freeze")[0].rstrip(":")
    right = len(text.splitlines())
    assert where in ("gctune.toml", f"gctune.toml:{right}")


def test_each_environment_is_loaded_with_every_problem_once(project: Project) -> None:
    project.write(
        "gc.freeze = 'x'\n[environments.production]\ngc.mode = 'y'\n"
        "[environments.canary]\nextends = 'production'\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_each(environ={}, directory=project.directory)
    assert [problem.split(": ")[0] for problem in caught.value.problems] == [
        "gctune.toml:1",
        "gctune.toml:3",
    ]
    project.write("[environments.canary]\nextends = 'production'\n")
    each = load_each(environ={}, directory=project.directory)
    assert [loaded.environment for loaded in each] == [
        "development", "test", "staging", "production", "canary",
    ]  # fmt: skip


@pytest.mark.parametrize("names", [*permutations(["GCTUNE_GC", "GCTUNE_GC__FREEZE"])])
def test_a_variable_for_a_section_is_told_beside_one_for_a_setting_of_it(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(environ=dict.fromkeys(names, "never"), directory=tmp_path)
    (problem,) = caught.value.problems
    assert problem.startswith("GCTUNE_GC = 'never': a section, not a setting")
