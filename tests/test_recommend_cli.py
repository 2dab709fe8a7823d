"""`gctune recommend` as it is used, on captured profiles of real programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from captured import PROFILES, unpacked
from children import BARE, python
from profile_samples import closing, header, reading, write

from gctune.profile.file import read
from gctune.settings.sources import load

GROWS = "type_check-3.13.profile"
FOR = ("--for-python", "3.13.0")


def recommend(
    *arguments: str | Path, status: int = 0, directory: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    words = ["-m", "gctune", "recommend", *map(str, arguments)]
    environ = {**BARE, "COLUMNS": "200", **variables}
    done = python(*words, environ=environ, status=status, directory=directory)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(GROWS, tmp_path_factory.mktemp("profiles"))


def test_it_says_what_to_change_and_what_that_stands_on(real: Path) -> None:
    text = recommend(real, *FOR).stdout
    for part in ("change: saves", "gc.threshold2", "CPU time", "peak of rss", "evidence", "risks"):
        assert part in text


@pytest.mark.parametrize("columns", [40, 60, 74, 80])
def test_no_word_is_cut_or_folded_on_a_narrow_terminal(columns: int) -> None:
    words = ["-m", "gctune", "recommend", *FOR, str(PROFILES / f"{GROWS}.gz")]
    wide, narrow = (
        python(*words, environ={**BARE, "COLUMNS": str(width)}).stdout for width in (200, columns)
    )
    said = [text.partition("\nevidence")[0].split() for text in (wide, narrow)]
    assert sorted(said[0]) == sorted(said[1])
    assert max(map(len, narrow.splitlines())) <= columns


def test_json_carries_everything(real: Path) -> None:
    data = json.loads(recommend(real, *FOR, "--json").stdout)
    assert data["verdict"] == "change"
    assert data["changes"][0].keys() == {"setting", "old", "new", "meaning"}
    assert data["predicted"]["cpu"].keys() == {"expected", "low", "high"}
    assert data["evidence"][0]["generations"][2]["collections"] > 0
    assert data["target"] == "cpython-3.13.0-generational"


HOSTILE = ("python", "caf\udce9.py", "a\x1b[31mRED\x1b]0;title\x07")


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii"])
def test_a_captured_command_is_printed_with_what_a_terminal_would_obey_escaped(
    encoding: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "esc\x1bape.profile", replace(header(), command=HOSTILE), closing())
    words = ["-m", "gctune", "recommend", str(path)]
    done = python(*words, environ={**BARE, "COLUMNS": "200", "PYTHONIOENCODING": encoding})
    assert (
        r"esc\x1bape.profile: python 'caf\udce9.py' 'a\x1b[31mRED\x1b]0;title\x07'" in done.stdout
    )
    assert "".join(done.stdout.splitlines()).isprintable()


def test_a_profile_s_name_stays_within_the_comment_of_a_new_file(tmp_path: Path) -> None:
    path = write(tmp_path / "app\n[environments.\udce9]", header(), closing())
    recommend(path, "--write", tmp_path / "new.toml")
    said = (tmp_path / "new.toml").read_text(encoding="utf-8").splitlines()
    assert said[-1] == r"# from app\n[environments.\udce9]"


def test_an_error_about_a_profile_is_printed_likewise(tmp_path: Path) -> None:
    path = write(tmp_path / "app.profile", replace(header(), collector="\x1b[31mred"), closing())
    assert r"of the \x1b[31mred collector" in recommend(path, status=1).stderr


def test_who_writes_no_settings_does_not_wait_for_pydantic() -> None:
    script = (
        "import sys\nfrom gctune.cli.recommend import recommend\n"
        "recommend.main(sys.argv[1:], standalone_mode=False)\n"
        "print('pydantic' in sys.modules, file=sys.stderr)"
    )
    done = python("-c", script, "--json", *FOR, str(PROFILES / f"{GROWS}.gz"))
    assert done.stderr.strip() == "False"


def test_a_compressed_profile_is_read_as_it_is() -> None:
    assert recommend(PROFILES / f"{GROWS}.gz", *FOR).stdout.startswith("change:")


def test_the_profiles_of_children_are_taken_along(real: Path, tmp_path: Path) -> None:
    (tmp_path / "web").write_bytes(real.read_bytes())
    child = tmp_path / f"web.{read(real).header.pid}"
    child.write_bytes(real.read_bytes())
    (tmp_path / "web.20261127").write_bytes(real.read_bytes())  # a copy that somebody keeps
    data = json.loads(recommend(tmp_path / "web", *FOR, "--json").stdout)
    assert [evidence["profile"] for evidence in data["evidence"]] == ["web", child.name]


def test_a_child_s_that_is_broken_hinders_no_answer(tmp_path: Path) -> None:
    capture = [sys.executable, "-m", "gctune", "capture", "-o", "app", "--", sys.executable]
    subprocess.run([*capture, "-c", ""], cwd=tmp_path, env=BARE, check=True)
    (tmp_path / "app.4242").touch()
    data = json.loads(recommend("app", "--json", directory=tmp_path).stdout)
    assert "app.4242 is left out: empty" in data["evidence"][0]["told"]


def test_profiles_of_different_programs_are_told_of(tmp_path: Path) -> None:
    def written(name: str, *command: str) -> Path:
        return write(
            tmp_path / name, replace(header(), command=("python", *command)), reading(), closing()
        )

    first, second = written("a", "-X", "dev", "app.py", "1"), written("b", "app.py", "2")
    assert recommend(first, second).stderr == ""
    third = written("c", "-m", "other")
    told = "'app.py' (b), '-m other' (c); ask for each apart, unless they are one"
    assert recommend(first, second, third).stderr == (
        f"gctune: these are different programs: {told}\n"
    )


def test_a_truncated_profile_is_used_and_said(real: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(real.read_bytes()[:-500])
    data = json.loads(recommend(cut, *FOR, "--json").stdout)
    assert any("cut off" in told for told in data["evidence"][0]["told"])


def test_write_merges_into_the_file(real: Path, tmp_path: Path) -> None:
    file = tmp_path / "gctune.toml"
    file.write_text("[gc]\nthreshold1 = 12 # ours\n")
    done = recommend(real, *FOR, "--write", file, "--environment", "staging")
    assert "threshold1 = 12 # ours" in file.read_text()
    assert "[environments.staging.gc]" in file.read_text()
    assert done.stderr == (
        f"gctune: wrote {file}\ngctune: {file}:2: gc.threshold1 was 12, is 10 for staging now:"
        " what is predicted is of all these together\n"
    )


def test_an_environment_that_nothing_knows_is_said_to_be_new(real: Path, tmp_path: Path) -> None:
    file = tmp_path / "gctune.toml"
    file.write_text("[environments.canary]\n")
    arguments = (real, *FOR, "--write", file, "--environment")
    assert recommend(*arguments, "prodution").stderr == (
        f"gctune: wrote {file}\ngctune: 'prodution' is a new environment;"
        " those there were: development, test, staging, production, canary\n"
    )
    assert recommend(*arguments, "canary").stderr == f"gctune: wrote {file}\n"


def test_what_keeps_written_settings_from_mattering_is_told(real: Path, tmp_path: Path) -> None:
    file = tmp_path / "gctune.toml"
    file.write_text("[gc]\nenabled = false\nmode = 'adaptive'\n")
    done = recommend(real, *FOR, "--write", file, GCTUNE_GC__THRESHOLD2="700")
    assert done.stderr.splitlines() == [
        f"gctune: wrote {file}",
        "gctune: GCTUNE_GC__THRESHOLD2 goes before gc.threshold2, as long as it is set",
        f"gctune: {file}:2: gc.enabled = false: thresholds mean nothing meanwhile",
        f"gctune: {file}:3: gc.mode = 'adaptive': it moves the thresholds itself",
    ]
    file.write_text("memory = 3\n")
    done = recommend(real, *FOR, "--write", file)
    assert done.stderr.startswith(f"gctune: wrote {file}\ngctune: {file}:1: memory = 3: a section")


def test_values_that_are_replaced_are_told(real: Path, tmp_path: Path) -> None:
    """All three thresholds are written, the unchanged too: the prediction is of them together."""
    file = tmp_path / "gctune.toml"
    file.write_text("[gc]\nthreshold0 = 9000\nthreshold1 = 10\nfreeze = 'fork'\n")
    told = recommend(real, *FOR, "--write", file).stderr.splitlines()
    assert told == [
        f"gctune: wrote {file}",
        f"gctune: {file}:2: gc.threshold0 was 9000, is 2000 for production now:"
        " what is predicted is of all these together",
        f"gctune: {file}:4: gc.freeze = 'fork':"
        " what is predicted has it only as far as the captured run did",
    ]
    assert recommend(real, *FOR, "--write", file).stderr.splitlines() == [
        f"gctune: {file} stays as it is",
        told[-1],
    ]


def test_a_file_that_is_not_the_one_in_effect_is_told_of(real: Path, tmp_path: Path) -> None:
    def told(file: str, **variables: str) -> list[str]:
        done = recommend(real, *FOR, "--write", file, directory=tmp_path, **variables)
        return done.stderr.splitlines()[1:]

    def instead(read: str, written: str) -> str:
        return (
            f"gctune: {read} is read here, and not {written}: write to that, or set GCTUNE_CONFIG"
        )

    (tmp_path / "pyproject.toml").write_text("[tool.gctune.memory]\nlimit = '80%'\n")
    assert told("own.toml") == [instead("pyproject.toml", "own.toml")]
    assert told("own.toml", GCTUNE_CONFIG="./own.toml") == []
    assert told("gctune.toml") == [
        "gctune: [tool.gctune] of pyproject.toml is not read beside gctune.toml:"
        " move what it says there"
    ]
    assert told("pyproject.toml") == [instead("gctune.toml", "pyproject.toml")]
    assert told("pyproject.toml", GCTUNE_CONFIG="gone.toml") == [
        "gctune: GCTUNE_CONFIG = 'gone.toml': cannot be read: no such file or directory;"
        " name a readable file"
    ]


@pytest.mark.parametrize("place", ["missing/gctune.toml", "folder", "broken.toml"])
def test_what_cannot_be_written_is_refused_before_a_profile_is_read(
    place: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken.toml").write_text("[gc\n")
    arguments = ("no-such.profile", "--write", place)
    status = 2 if place.startswith("missing") else 1
    done = recommend(*arguments, status=status, directory=tmp_path)
    assert place in done.stderr
    assert "no-such" not in done.stderr


def test_nothing_to_change_writes_a_file_that_says_so(tmp_path: Path) -> None:
    short = tmp_path / "short"
    capture = "import gctune; gctune.capture('short').stop()"
    subprocess.run([sys.executable, "-c", capture], cwd=tmp_path, env=BARE, check=True)
    version = ".".join(map(str, sys.version_info[:3]))
    recommend(short, "--write", "gctune.toml", "--for-python", version, directory=tmp_path)
    assert "# gctune recommend: not enough evidence" in (tmp_path / "gctune.toml").read_text()


def test_a_file_that_cannot_be_parsed_is_refused_and_kept(real: Path, tmp_path: Path) -> None:
    file = tmp_path / "gctune.toml"
    file.write_text("[gc\n")
    done = recommend(real, *FOR, "--write", file, status=1)
    assert "not TOML" in done.stderr
    assert file.read_text() == "[gc\n"


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "empty", "noise", "config"])
def test_what_is_no_profile_gets_one_clear_error(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "input"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind != "missing":
        path.write_bytes({"empty": b"", "noise": b"\xff\0" * 9999, "config": b"[gc]\n"}[kind])
    started = time.monotonic()
    done = recommend(path, status=1)
    assert time.monotonic() - started < 5
    assert done.stderr.startswith(f"PROFILE = '{path}': ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("{}", "--goal", "speed"),
        ("{}", "--memory-budget", "512M"),
        ("{}", "--memory-budget", "10"),
        ("{}", "--memory-budget", "-1"),
        ("{}", "--memory-budget", "nan"),
        ("{}", "--for-python", "3.13"),
        ("{}", "--for-python", "2.7.1"),
        ("{}", "--environment", "staging"),
        ("{}", "--environment", ""),
        ("{}", "--environment", "two\nlines"),
    ],
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...], real: Path) -> None:
    done = recommend(*(argument.format(real) for argument in arguments), status=2)
    assert "Error: " in done.stderr


def test_any_name_that_a_file_may_give_an_environment_can_be_written(
    real: Path, tmp_path: Path
) -> None:
    file = tmp_path / "gctune.toml"
    recommend(real, *FOR, "--write", file, "--environment", "my env")
    assert "my env" in load(file=str(file), environment="my env", environ={}).environment


def test_the_peak_of_a_profile_cut_before_its_first_reading_is_unknown(tmp_path: Path) -> None:
    write(tmp_path / "cut", header())
    done = recommend(tmp_path / "cut")
    assert "peak unknown" in done.stdout


def test_another_collector_is_refused_with_the_reason(real: Path) -> None:
    done = recommend(real, "--for-python", "3.14.2", status=1)
    assert "of the generational collector of cpython 3.13.0" in done.stderr
    assert "cpython-3.14.2-incremental" in done.stderr


def test_write_in_a_folder_that_is_gone_is_one_clear_error(real: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    words = ["recommend", str(real), *FOR, "--write", "gctune.toml"]
    script = (
        "import os, sys, gctune.cli.recommend, gctune.recommender.config\n"
        "from gctune.cli import main\n"
        f"os.rmdir({str(gone)!r}); sys.argv[1:] = {words!r}; main()"
    )
    child = [sys.executable, "-c", script]
    done = subprocess.run(child, cwd=gone, env=BARE, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("gctune.toml: cannot be written: ")
    assert done.stderr.count("\n") == 1
