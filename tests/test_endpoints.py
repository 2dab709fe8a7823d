"""The endpoints of programs under way: what they tell, to whom, and that real tools read it."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import PATIENCE, ask, connect, request, until
from children import BARE, python
from go_pprof import go_pprof, needs_dot, needs_pprof
from profile_samples import write
from served import STORES, Program, served, start

from gctune.profile import pprof
from gctune.profile.file import read
from gctune.profile.heap import read_heap
from gctune.profile.ranking import by_function

GCTUNE = (sys.executable, "-m", "gctune")
CALM = {"ENVIRONMENT": "development", "GCTUNE_ALERTS__GC_PAUSE__THRESHOLD": "1m"}
TOKEN = "t0ken-that-nobody-sees"
CONFIGURATION = f"""
[monitor]
token = "{TOKEN}"
http = "0.0.0.0:0"
interval = "200ms"
[alerts.heap]
threshold = "1MiB"
hold = "0s"
"""


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program that traces its own allocations, and serves this machine alone."""
    folder = tmp_path_factory.mktemp("traced")
    with served(folder, **CALM, GCTUNE_MONITOR__HTTP="127.0.0.1:0") as program:
        program.run("tracemalloc.start(8); grow()")
        yield program


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program at level debug that traces nothing, behind a socket file."""
    folder = tmp_path_factory.mktemp("bare")
    with served(folder, **CALM, GCTUNE_MONITOR__HTTP=f"unix:{folder}/{{pid}}.sock") as program:
        yield program


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program at level basic below `gctune run`, for every machine, its alert raised."""
    folder = tmp_path_factory.mktemp("production")
    (folder / "gctune.toml").write_text(CONFIGURATION)
    run = (*GCTUNE, "run", "--environment", "production", "--")
    with start(folder, prefix=run) as child:
        try:
            yield Program(child)
        finally:
            child.kill()


def authorized(program: Program, target: str) -> bytes:
    """What a program answers to who shows the token."""
    answer = ask(program.name, target, authorization=f"Bearer {TOKEN}")
    assert answer.status == 200
    return answer.body


# What they tell


def test_the_index_lists_paths_that_answer(traced: Program) -> None:
    index = ask(traced.name, "/")
    assert index.body == ask(traced.name, "/debug/pprof/").body
    assert b"3 to 20 times the CPU" in index.body
    listed = re.findall(r"^/\S+", index.body.decode(), re.MULTILINE)
    assert len(listed) == 8
    for target in listed:
        assert ask(traced.name, target.replace("=30", "=0.1")).status == 200
    assert ask(traced.name, "/no/such").status == 404


def test_metrics_are_prometheus_text_or_json_as_asked(traced: Program) -> None:
    assert b"# TYPE gctune_gc_pause_seconds histogram" in ask(traced.name, "/metrics").body
    as_json = json.loads(ask(traced.name, "/metrics", accept="application/json").body)
    assert as_json.keys() == json.loads(ask(traced.name, "/metrics.json").body).keys()
    assert as_json["metrics"]["heap_mb"] > 1


def test_health_says_the_age_of_the_sample_and_how_memory_stands(traced: Program) -> None:
    health = ask(traced.name)
    content = json.loads(health.body)
    assert (health.status, content["status"], content["alerts"]) == (200, "ok", [])
    assert 0 <= content["sample_age_seconds"] < 60
    assert content["limit_state"] == "ok"


def test_health_is_503_while_an_alert_is_raised(production: Program) -> None:
    production.run(
        "while not any(state.raised for state in __import__('gctune.monitor.monitor')"
        ".monitor.monitor.current().alerts.values()): time.sleep(0.01)"
    )
    health = ask(production.name)
    assert (health.status, json.loads(health.body)["alerts"]) == (503, ["heap"])


def test_settings_are_told_with_their_origins_and_outcomes(production: Program) -> None:
    told = json.loads(authorized(production, "/debug/gctune"))
    assert told["environment"] == "production"
    assert told["served_at"] == production.name
    assert told["settings"]["monitor.level"] == {
        "status": "applied",
        "value": "basic",
        "before": None,
        "reason": "as set",
        "origin": "preset production",
    }
    assert told["settings"]["monitor.token"]["value"] == "***"
    assert told["settings"]["monitor.token"]["origin"].startswith("gctune.toml")


def test_a_head_that_would_cost_as_much_as_a_get_is_refused(traced: Program) -> None:
    answer = ask(traced.name, "/debug/pprof/heap", "HEAD")
    assert (answer.status, answer.headers["allow"]) == (405, "get")
    assert ask(traced.name, "/metrics", "HEAD").status == 200


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e99", "x", "", "3601"])
def test_seconds_that_make_no_sense_are_refused(traced: Program, seconds: str) -> None:
    for path in ("/debug/pprof/heap", "/debug/gctune/profile"):
        answer = ask(traced.name, f"{path}?seconds={seconds}")
        assert answer.status == 400
        assert b"seconds: give a number above 0" in answer.body


# Who is told


def test_without_the_token_only_health_is_told_to_other_machines(production: Program) -> None:
    assert ask(production.name).status in (200, 503)
    for target in ("/", "/metrics", "/debug/gctune", "/debug/pprof/heap", "/no/such"):
        assert ask(production.name, target).status == 401
        assert ask(production.name, target, authorization="Bearer guess").status == 401
    assert b"# TYPE" in authorized(production, "/metrics")


def test_a_page_of_another_site_is_told_nothing(traced: Program, production: Program) -> None:
    for program, shown in ((traced, {}), (production, {"authorization": f"Bearer {TOKEN}"})):
        for page in ({"origin": "http://evil.example"}, {"sec_fetch_site": "cross-site"}):
            assert ask(program.name, "/debug/gctune", **page, **shown).status == 403
    assert ask(traced.name, "/debug/gctune", host="evil.example").status == 403


def test_no_secret_is_in_any_answer(traced: Program, production: Program) -> None:
    targets = ("/", "/health", "/metrics", "/metrics.json", "/debug/gctune", "/no/such")
    slow = ("/debug/pprof/heap", "/debug/pprof/allocs", "/debug/gctune/profile?seconds=0.1")
    for program in (traced, production):
        for shown in ({}, {"authorization": f"Bearer {TOKEN}"}, {"authorization": "Bearer x"}):
            for target in targets + slow:
                body = ask(program.name, target, **shown).body
                content = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
                assert TOKEN.encode() not in content
                assert b"password" not in content


# Heaps


def test_a_heaps_sites_and_bytes_agree_with_tracemallocs_own(traced: Program) -> None:
    heap = pprof.decode(ask(traced.name, "/debug/pprof/heap").body)
    ours = [
        ([f.line for f in reversed(stack) if f.function.file.endswith("program.py")], blocks, size)
        for stack, blocks, size in heap.sites
    ]
    theirs = traced.run("gc.collect(); _ = own_sites()")
    grown = [tuple(site) for site in theirs if site[0][-1] in STORES]
    assert sum(size for _, _, size in grown) > 800_000
    assert all(site in ours for site in grown)


@needs_pprof
def test_the_real_pprof_reads_a_program_under_way(traced: Program) -> None:
    heap = f"{traced.url}/debug/pprof/heap"
    top = go_pprof("-top", "-unit=B", "-nodefraction=0", "-filefunctions", heap)
    assert "Type: inuse_space" in top
    assert {"<module>", "<lambda>", "grow", "Store.__init__"} <= set(re.findall(r"\S+", top))
    assert "Type: alloc_space" in go_pprof("-top", f"{traced.url}/debug/pprof/allocs")
    assert re.search(r"\| +Store\.load", go_pprof("-peek", "^<lambda>$", heap))
    assert "self.more = [make()" in go_pprof("-list", r"Store\.load", heap)


@needs_pprof
@needs_dot
def test_the_real_pprof_draws_a_program_under_way(traced: Program) -> None:
    drawn = go_pprof("-svg", f"{traced.url}/debug/pprof/heap")
    assert "&lt;lambda&gt;" in drawn
    assert "</svg>" in drawn


@needs_pprof
def test_the_real_pprof_tells_what_was_allocated_between(traced: Program, tmp_path: Path) -> None:
    (tmp_path / "before").write_bytes(ask(traced.name, "/debug/pprof/heap").body)
    traced.run("grow()")
    heap = f"{traced.url}/debug/pprof/heap"
    top = go_pprof("-top", "-unit=B", "-nodefraction=0", "-base", tmp_path / "before", heap)
    flat = {line.split()[-1]: line.split()[0] for line in top.splitlines() if "B " in line}
    assert 500_000 < int(flat["<lambda>"].removesuffix("B")) < 700_000


def test_a_live_heap_is_written_before_and_after(traced: Program, tmp_path: Path) -> None:
    files = ("--before", str(tmp_path / "mem.prof"), "-o", str(tmp_path / "mem_final.prof"))
    gctune("heap", *files, "--seconds", "0.1", "--url", traced.url)
    before, after = (read_heap(tmp_path / name) for name in ("mem.prof", "mem_final.prof"))
    for heap in (before, after):
        assert "<lambda>" in {weight.key.name for weight in by_function(heap)}


def test_tracing_for_a_while_tells_what_is_allocated_in_it_and_ends(
    bare: Program, tmp_path: Path
) -> None:
    fetching = threading.Thread(
        target=gctune, args=("heap", "-o", str(tmp_path / "a.json"), "--seconds", "1.5", *at(bare))
    )
    fetching.start()
    bare.run("while not tracemalloc.is_tracing(): time.sleep(0.001)")
    bare.run("grow()")
    fetching.join(PATIENCE)
    assert '"name":"Store.load"' in (tmp_path / "a.json").read_text()
    assert bare.run("_ = tracemalloc.is_tracing()") is False


def test_what_is_traced_for_somebody_who_leaves_is_traced_no_more(bare: Program) -> None:
    callbacks = bare.run("_ = len(gc.callbacks)")
    for path, begun in (
        ("/debug/pprof/heap", "tracemalloc.is_tracing()"),
        ("/debug/gctune/profile", f"len(gc.callbacks) > {callbacks}"),
    ):
        with connect(bare.name) as client:
            client.sendall(request(f"{path}?seconds=3600"))
            bare.run(f"while not ({begun}): time.sleep(0.001)")
            assert ask(bare.name, f"{path}?seconds=1").status == 503
        bare.run(f"while ({begun}): time.sleep(0.001)")


def test_where_nothing_may_be_traced_it_is_said_what_to_do(
    bare: Program, production: Program
) -> None:
    untraced = ask(bare.name, "/debug/pprof/heap")
    assert untraced.status == 409
    assert b"ask with ?seconds=30, or set monitor.trace" in untraced.body
    path, shown = "/debug/pprof/heap?seconds=1", f"Bearer {TOKEN}"
    denied = ask(production.name, path, authorization=shown)
    assert denied.status == 403
    assert b"monitor.level debug" in denied.body
    assert b'set monitor.level = "debug"' in denied.body
    below_debug = ask(production.name, "/debug/pprof/heap", authorization=shown)
    assert below_debug.status == 409
    assert b'set monitor.level = "debug", then ask with ?seconds=30' in below_debug.body
    assert production.run("_ = tracemalloc.is_tracing()") is False


def test_seconds_that_make_no_sense_are_refused_at_every_level(production: Program) -> None:
    for seconds in ("abc", "-1", "999999"):
        path = f"/debug/pprof/heap?seconds={seconds}"
        assert ask(production.name, path, authorization=f"Bearer {TOKEN}").status == 400


def test_the_command_line_names_its_own_option(bare: Program, tmp_path: Path) -> None:
    told = gctune("heap", "-o", str(tmp_path / "m"), *at(bare), status=1)
    assert "ask with --seconds 30, or set monitor.trace" in told


# Captures


def at(program: Program) -> tuple[str, str]:
    return "--url", program.url


def gctune(*words: str, status: int = 0, **variables: str) -> str:
    """What the command line says on standard error."""
    return python("-m", "gctune", *words, environ={**BARE, **variables}, status=status).stderr


def test_a_capture_of_a_program_under_way_is_a_whole_profile(bare: Program, tmp_path: Path) -> None:
    file = tmp_path / "app.profile"
    recording = threading.Thread(
        target=gctune, args=("capture", "-o", str(file), "--seconds", "2", *at(bare))
    )
    callbacks = bare.run("_ = len(gc.callbacks)")
    recording.start()
    bare.run(f"while len(gc.callbacks) == {callbacks}: time.sleep(0.001)")
    bare.run("gc.collect()")
    recording.join(PATIENCE)
    profile = read(file)
    assert profile.problems == ()
    assert profile.closing is not None
    assert profile.closing.reason == "seconds"
    assert 2 in {each.generation for each in profile.collections()}
    assert profile.header.pid == bare.child.pid


def test_a_capture_by_force_replaces_the_earlier_profiles(bare: Program, tmp_path: Path) -> None:
    file = write(tmp_path / "app.profile")
    write(Path(f"{file}.7"))
    gctune("capture", "--force", "-o", str(file), "--seconds", "0.1", *at(bare))
    assert read(file).header.pid == bare.child.pid
    assert list(tmp_path.iterdir()) == [file]


def test_a_capture_of_a_program_that_ends_keeps_what_had_come(tmp_path: Path) -> None:
    file = tmp_path / "app.profile"
    with served(tmp_path, GCTUNE_MONITOR__HTTP="127.0.0.1:0") as program:
        recording = subprocess.Popen(
            [*GCTUNE, "capture", "-o", file, "--seconds", "3600", *at(program)],
            env=BARE,
            stderr=subprocess.PIPE,
            text=True,
        )
        until(lambda: file.exists() and file.stat().st_size > 0)
        program.end()
        _, told = recording.communicate(timeout=60)
    assert recording.returncode == 0, told
    assert "the recording was cut off" in told
    assert read(file).header.pid == program.child.pid


# Bad input


@pytest.mark.parametrize(
    ("words", "status", "wrong"),
    [
        (("capture", "-o", "a"), 2, "give either -- COMMAND, or --url URL"),
        (("capture", "-o", "a", "--url", "unix:/absent", "true"), 2, "give either"),
        (("capture", "-o", "a", "--url", "unix:/absent"), 1, "no such file or directory"),
        (("capture", "-o", "a", "--url", "http://127.0.0.1:1"), 1, "connection refused"),
        (("capture", "-o", "a", "--url", "ftp://127.0.0.1"), 2, "give one like http://"),
        (("capture", "-o", "a", "--url", "http://127.0.0.1:99999"), 2, "port out of range"),
        (("capture", "-o", "a", "--url", "127.0.0.1:6060"), 2, "give one like http://"),
        (("heap", "--url", "unix:/absent"), 2, "give either"),
        (("heap", "-o", "a", "--url", "unix:/absent", "--before", "b"), 2, "give either"),
        (("heap", "-o", "a", "--url", "unix:/absent", "--seconds", "0"), 2, "above 0"),
        (("heap", "-o", "a", "--url", "unix:/absent", "--frames", "3"), 2, "give either"),
        (("heap", "-o", "a", "--url", "unix:/absent", "--top", "b"), 2, "give either"),
        (("heap", "-o", "/absent/a", "--url", "unix:/absent"), 2, "its folder cannot be written"),
    ],
)
def test_bad_input_is_one_clear_error_and_leaves_no_file(
    tmp_path: Path, words: tuple[str, ...], status: int, wrong: str
) -> None:
    done = python("-m", "gctune", *words, status=status, directory=tmp_path)
    assert wrong in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_token_comes_from_a_variable(production: Program, tmp_path: Path) -> None:
    url = production.url.replace("0.0.0.0", "127.0.0.1")
    words = ("capture", "-o", str(tmp_path / "a"), "--seconds", "0.1", "--url", url)
    assert "set GCTUNE_MONITOR__TOKEN" in gctune(*words, status=1)
    gctune(*words, GCTUNE_MONITOR__TOKEN=TOKEN)
    assert read(tmp_path / "a").problems == ()


def test_a_token_that_no_header_carries_is_one_clear_error(tmp_path: Path) -> None:
    for token in ("schl\u00fcssel", "\u043a\u043b\u044e\u0447", "\udcff"):
        done = python(
            *("-m", "gctune", "capture", "-o", "a", "--url", "http://127.0.0.1:9"),
            environ={**BARE, "GCTUNE_MONITOR__TOKEN": token},
            status=1,
            directory=tmp_path,
        )
        assert "GCTUNE_MONITOR__TOKEN = '***': not printable ASCII" in done.stderr
        assert "Traceback" not in done.stderr


# The end


def test_programs_end_at_once_and_have_told_no_secret(
    traced: Program, bare: Program, production: Program
) -> None:
    for program in (traced, bare, production):
        with connect(program.name) as silent:
            silent.sendall(b"GET /health HTTP/1.1\r\n")
            told = program.end()
        assert TOKEN not in told
        assert "Traceback" not in told
    assert not Path(bare.name.removeprefix("unix:")).exists()
