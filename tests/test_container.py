"""Memory limits and working sets: trees of files for each kind of host, and one real group."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gctune
from gctune.host.cgroups import find_cgroups
from gctune.host.container import Limit, Pressure, find_container, read_container
from gctune.host.cpus import usable_cpus

PACKAGE = Path(gctune.__file__).parent
MIB = 1 << 20
NO_LIMIT_V1 = 9223372036854771712
V1_MOUNT = "35 31 0:32 {root} /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory"
V2_MOUNT = "41 31 0:38 {root} {point} rw,nosuid shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate"


class Machine:
    """A tree of files that stands for /proc and /sys."""

    def __init__(self, root: Path) -> None:
        self.root, self.proc, self.sys = root, root / "proc", root / "sys"
        self.groups = self.sys / "fs" / "cgroup"
        self.write(self.proc / "meminfo", f"MemTotal:  {8 << 20} kB\nMemFree: 1 kB\n")

    def write(self, path: Path, content: str | bytes) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def membership(self, *lines: str) -> None:
        self.write(self.proc / "self" / "cgroup", "\n".join(lines) + "\n")

    def mounts(self, *lines: str) -> None:
        self.write(self.proc / "self" / "mountinfo", "\n".join(lines) + "\n")

    def v1(self, path: str, root: str = "/") -> None:
        self.membership(f"4:memory:{path}", "1:name=systemd:/elsewhere")
        self.mounts(
            V1_MOUNT.format(root=root),
            "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd",
        )

    def v2(self, path: str, root: str = "/", point: str = "/sys/fs/cgroup") -> None:
        self.membership(f"0::{path}")
        self.mounts(V2_MOUNT.format(root=root, point=point))

    def group(self, folder: Path, **files: object) -> Path:
        """Make a group; `memory_max=5` becomes a file memory.max that holds 5."""
        for name, content in files.items():
            self.write(folder / name.replace("_", ".", 1), f"{content}\n")
        return folder

    def v1_group(self, path: str, limit: int, usage: int = 0, inactive: int = 0) -> Path:
        stat = f"inactive_file 1\nhierarchical_memory_limit {NO_LIMIT_V1}"
        return self.group(
            self.groups / "memory" / path,
            memory_limit_in_bytes=limit,
            memory_usage_in_bytes=usage,
            memory_stat=f"{stat}\ntotal_inactive_file {inactive}",
        )

    def v2_group(self, path: str, limit: object, usage: int = 0, inactive: int = 0) -> Path:
        return self.group(
            self.groups / path,
            memory_max=limit,
            memory_high="max",
            memory_current=usage,
            memory_stat=f"anon 5\ninactive_file {inactive}",
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def read(machine: Machine):
    return read_container(machine.proc, machine.sys)


def test_v1_limit_names_its_file(machine: Machine) -> None:
    machine.v1("/app")
    machine.v1_group("", NO_LIMIT_V1)
    group = machine.v1_group("app", 512 * MIB, usage=300 * MIB, inactive=100 * MIB)
    found = read(machine)
    assert found.limit == Limit(512 * MIB, str(group / "memory.limit_in_bytes"))
    assert found.working_set_bytes == 200 * MIB
    assert found.version == "v1"
    assert found.notes == ()


def test_v1_near_2_to_the_63_is_no_limit(machine: Machine) -> None:
    machine.v1("/app")
    machine.v1_group("app", NO_LIMIT_V1, usage=9 * MIB, inactive=MIB)
    found = read(machine)
    assert found.limit is None
    assert found.working_set_bytes == 8 * MIB
    assert found.notes == ()


def test_v1_limit_above_what_is_mounted_comes_from_memory_stat(machine: Machine) -> None:
    machine.v1("/docker/abc", root="/docker/abc")
    group = machine.v1_group("", NO_LIMIT_V1)
    machine.write(
        group / "memory.stat",
        f"hierarchical_memory_limit {64 * MIB}\ntotal_inactive_file 0\n",
    )
    assert read(machine).limit == Limit(64 * MIB, str(group / "memory.stat"))


def test_a_group_below_the_mounts_root_is_found_at_the_mount(machine: Machine) -> None:
    machine.v1("/docker/abc/inner", root="/docker/abc")
    machine.v1_group("", 256 * MIB)
    inner = machine.v1_group("inner", 128 * MIB)
    assert read(machine).limit == Limit(128 * MIB, str(inner / "memory.limit_in_bytes"))


def test_v2_limit_names_its_file(machine: Machine) -> None:
    machine.v2("/app.slice/web")
    machine.v2_group("app.slice", "max", usage=700 * MIB)
    group = machine.v2_group("app.slice/web", 512 * MIB, usage=300 * MIB, inactive=290 * MIB)
    found = read(machine)
    assert found.limit == Limit(512 * MIB, str(group / "memory.max"))
    assert found.working_set_bytes == 10 * MIB
    assert found.version == "v2"
    assert found.notes == ()


def test_memory_high_counts(machine: Machine) -> None:
    machine.v2("/app")
    group = machine.v2_group("app", 512 * MIB)
    machine.group(group, memory_high=400 * MIB)
    assert read(machine).limit == Limit(400 * MIB, str(group / "memory.high"))


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_ancestors_lower_limit_counts_with_what_it_uses(machine: Machine, version: str) -> None:
    getattr(machine, version)("/pod/app/worker")
    make = getattr(machine, f"{version}_group")
    make("pod/app/worker", 300 * MIB, usage=10 * MIB)
    pod = make("pod", 200 * MIB, usage=150 * MIB, inactive=MIB)
    make("pod/app", 250 * MIB, usage=20 * MIB)
    found = read(machine)
    assert found.limit is not None
    assert found.limit.bytes == 200 * MIB
    assert Path(found.limit.source).parent == pod
    assert found.working_set_bytes == 149 * MIB


def test_of_equal_limits_the_processs_own_is_named(machine: Machine) -> None:
    machine.v2("/pod/app")
    machine.v2_group("pod", 200 * MIB)
    own = machine.v2_group("pod/app", 200 * MIB)
    assert read(machine).limit == Limit(200 * MIB, str(own / "memory.max"))


def hybrid(machine: Machine) -> Path:
    """Version 1 has the memory controller, version 2 is mounted without it."""
    machine.membership("4:memory:/app", "1:name=systemd:/x", "0::/init.scope")
    machine.mounts(
        V1_MOUNT.format(root="/"),
        V2_MOUNT.format(root="/", point="/sys/fs/cgroup/unified"),
    )
    machine.group(machine.groups / "unified" / "init.scope", cgroup_procs="1")
    return machine.v1_group("app", 512 * MIB, usage=3 * MIB)


def test_hybrid_finds_the_limit_where_the_controller_is(machine: Machine) -> None:
    group = hybrid(machine)
    found = read(machine)
    assert found.version == "hybrid"
    assert found.limit == Limit(512 * MIB, str(group / "memory.limit_in_bytes"))
    assert found.working_set_bytes == 3 * MIB
    assert found.notes == ()


def test_hybrid_takes_the_least_of_both(machine: Machine) -> None:
    hybrid(machine)
    unified = machine.v2_group("unified/init.scope", 100 * MIB, usage=7 * MIB)
    found = read(machine)
    assert found.limit == Limit(100 * MIB, str(unified / "memory.max"))
    assert found.working_set_bytes == 7 * MIB


def test_proc_cgroups_is_not_asked(machine: Machine) -> None:
    hybrid(machine)
    machine.write(machine.proc / "cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\n")
    assert read(machine).limit is not None


def test_a_limit_above_what_the_host_has_is_ignored_with_a_note(machine: Machine) -> None:
    machine.v2("/app")
    group = machine.v2_group("app", 64 << 30)
    found = read(machine)
    assert found.limit is None
    assert found.notes == (
        f"{group / 'memory.max'}: {64 << 30} bytes are more than the host has; ignored",
    )


def test_colons_in_a_groups_name_are_part_of_it(machine: Machine) -> None:
    machine.v2("/app:web:1")
    group = machine.v2_group("app:web:1", 99 * MIB)
    assert read(machine).limit == Limit(99 * MIB, str(group / "memory.max"))


def test_octal_escapes_and_optional_fields_of_a_mount(machine: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "with space\tand \\"
    point = str(folder).replace("\\", r"\134").replace(" ", r"\040").replace("\t", r"\011")
    machine.v2("/a b/c", root=r"/a\040b", point=point)
    machine.group(folder / "c", memory_max=77 * MIB)
    found = read(machine)
    assert found.limit is not None
    assert found.limit.bytes == 77 * MIB
    assert found.limit.source.endswith(r"with space\tand \/c/memory.max")  # printable


@pytest.mark.parametrize("path", ["/other/group", "/../../sibling", "/apple"])
def test_a_path_outside_the_mounts_root_takes_the_mounts_group(machine: Machine, path: str) -> None:
    machine.v1(path, root="/app")
    group = machine.v1_group("", 55 * MIB, usage=MIB)
    found = read(machine)
    assert found.limit == Limit(55 * MIB, str(group / "memory.limit_in_bytes"))
    assert path in found.notes[0]


def test_the_mount_that_shows_the_group_is_taken(machine: Machine, tmp_path: Path) -> None:
    machine.membership("0::/app/web")
    machine.mounts(
        V2_MOUNT.format(root="/elsewhere", point=tmp_path / "bind"),
        V2_MOUNT.format(root="/app", point=tmp_path / "own"),
    )
    machine.group(tmp_path / "bind", memory_max=MIB)
    machine.group(tmp_path / "own" / "web", memory_max=2 * MIB)
    assert read(machine).limit == Limit(2 * MIB, str(tmp_path / "own/web/memory.max"))


def test_an_unseen_group_is_noted_and_its_ancestors_count(machine: Machine) -> None:
    machine.v2("/pod/gone")
    pod = machine.v2_group("pod", 30 * MIB, usage=MIB)
    found = read(machine)
    assert found.limit == Limit(30 * MIB, str(pod / "memory.max"))
    assert found.notes[0].startswith(f"{pod / 'gone'}: no such directory")


def test_the_working_set_is_never_negative(machine: Machine) -> None:
    machine.v2("/app")
    machine.v2_group("app", "max", usage=MIB, inactive=2 * MIB)
    assert read(machine).working_set_bytes == 0


def test_limits_and_working_sets_are_read_anew(machine: Machine) -> None:
    machine.v2("/app")
    group = machine.v2_group("app", 100 * MIB, usage=9 * MIB)
    files = find_container(machine.proc, machine.sys)
    assert files.counted().limit == Limit(100 * MIB, str(group / "memory.max"))
    machine.group(group, memory_max=50 * MIB, memory_current=10 * MIB)
    assert files.counted().limit == Limit(50 * MIB, str(group / "memory.max"))
    assert files.counted().working_set_bytes() == 10 * MIB
    assert files.read() == read(machine)


def test_pressure_of_the_own_group_comes_before_the_hosts(machine: Machine) -> None:
    lines = "{} avg10={} avg60=0.00 avg300=0.00 total=5"
    host = machine.write(
        machine.proc / "pressure" / "memory",
        lines.format("some", "50.00") + "\n" + lines.format("full", "25.00") + "\n",
    )
    machine.v2("/app")
    group = machine.v2_group("app", "max")
    assert read(machine).pressure == Pressure(0.5, 0.25, 5000, 5000, str(host))
    own = machine.write(
        group / "memory.pressure",
        lines.format("some", "1.50") + "\n" + lines.format("full", "0.00") + "\n",
    )
    assert read(machine).pressure == Pressure(0.015, 0.0, 5000, 5000, str(own))


def test_without_proc_nothing_is_known_and_the_reason_is_noted(tmp_path: Path) -> None:
    found = read_container(tmp_path / "proc", tmp_path / "sys")
    assert (found.limit, found.working_set_bytes, found.pressure) == (None, None, None)
    assert found.version == "none"
    assert f"{tmp_path}/proc/self/cgroup: No such file or directory" in found.notes


GARBAGE = {
    "nothing": b"",
    "zero": b"0\n",
    "negative": b"-1\n",
    "word": b"lots\n",
    "fraction": b"1.5\n",
    "Arabic digits": "\u0665\u0665".encode(),
    "underscores": b"1_000\n",
    "digits without end": b"9" * 70_000,
    "two numbers": b"1 2\n",
    "not UTF-8": b"\xff\xfe\n",
    "null bytes": b"\0\0\0",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_garbage_limit_is_unknown_with_a_reason(
    machine: Machine, version: str, garbage: bytes
) -> None:
    getattr(machine, version)("/app")
    group = getattr(machine, f"{version}_group")("app", MIB)
    name = "memory.limit_in_bytes" if version == "v1" else "memory.max"
    file = machine.write(group / name, garbage)
    found = read(machine)
    assert found.limit is None
    assert [note for note in found.notes if note.startswith(f"{file}: ")]


@pytest.mark.parametrize("garbage", [b"", b"\xff", b"inactive_file lots\n", b"other 1\n"])
def test_a_garbage_stat_leaves_the_working_set_unknown(machine: Machine, garbage: bytes) -> None:
    machine.v2("/app")
    group = machine.v2_group("app", MIB, usage=MIB)
    machine.write(group / "memory.stat", garbage)
    found = read(machine)
    assert found.working_set_bytes is None
    assert found.limit is not None
    assert found.notes[0].startswith(f"{group / 'memory.stat'}: ")


def test_a_directory_where_a_file_belongs_is_unknown_with_a_reason(machine: Machine) -> None:
    machine.v2("/app")
    group = machine.v2_group("app", MIB)
    (group / "memory.max").unlink()
    (group / "memory.max").mkdir()
    found = read(machine)
    assert found.limit is None
    assert found.notes == (f"{group / 'memory.max'}: Is a directory",)


def test_lines_that_make_no_sense_are_counted_and_passed_over(machine: Machine) -> None:
    machine.membership("garbage", "0::/app", "1:2", "5:memory:relative")
    machine.mounts("35 31", "", V2_MOUNT.format(root="/", point="/sys/fs/cgroup"), "- - -")
    machine.v2_group("app", MIB)
    found = read(machine)
    assert found.limit is not None
    assert [note.partition(": ")[2] for note in found.notes] == [
        "3 of 4 lines make no sense",
        "2 of 3 lines make no sense",
    ]


def test_notes_can_always_be_printed(machine: Machine) -> None:
    name = os.fsdecode(b"\xff\x1b[31m")
    machine.write(machine.proc / "self" / "cgroup", os.fsencode(f"0::/{name}"))
    machine.mounts(V2_MOUNT.format(root="/", point="/sys/fs/cgroup"))
    machine.group(machine.groups / name, memory_max="lots")
    notes = "".join(read(machine).notes)
    assert r"\udcff\x1b[31m" in notes
    assert notes.isprintable()


FILES = [
    "proc/self/cgroup",
    "proc/self/mountinfo",
    "proc/meminfo",
    "proc/pressure/memory",
    "sys/fs/cgroup/unified/init.scope/memory.max",
    "sys/fs/cgroup/unified/init.scope/memory.high",
    "sys/fs/cgroup/unified/init.scope/memory.current",
    "sys/fs/cgroup/unified/init.scope/memory.stat",
    "sys/fs/cgroup/unified/init.scope/memory.pressure",
    "sys/fs/cgroup/unified/init.scope/cpu.max",
    "sys/fs/cgroup/memory/app/memory.limit_in_bytes",
    "sys/fs/cgroup/memory/app/memory.usage_in_bytes",
    "sys/fs/cgroup/memory/app/memory.stat",
]
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a disk takes 50 ms a tree
TOKENS = [b"0::/", b"4:memory:/", b"app", b"..", b" - cgroup2 x rw", b" - cgroup x rw,memory"]
TOKENS += [b"1 2 3 / /sys/fs/cgroup rw", b"\\777", b"\\040", b"\0", b"\n", b" ", b"/", b"max"]
TOKENS += [b"some avg10=", b"inactive_file ", b"9" * 30, b"-1", b"\xff", b"a" * 5000]
garbage = st.one_of(
    st.binary(max_size=200), st.lists(st.sampled_from(TOKENS), max_size=12).map(b"".join)
)


@settings(max_examples=300, deadline=None)
@given(contents=st.dictionaries(st.sampled_from(FILES), garbage, min_size=1, max_size=6))
def test_no_bytes_in_any_file_raise(contents: dict[str, bytes]) -> None:
    with TemporaryDirectory(dir=IN_MEMORY) as root:
        machine = Machine(Path(root))
        hybrid(machine)
        machine.v2_group("unified/init.scope", MIB)
        for name, content in contents.items():
            machine.write(machine.root / name, content)
        holds_what_it_promises(machine)


def holds_what_it_promises(machine: Machine) -> None:
    found = read(machine)
    assert found.limit is None or found.limit.bytes > 0
    assert found.working_set_bytes is None or found.working_set_bytes >= 0
    assert "".join(found.notes).isprintable()
    assert usable_cpus(machine.proc, machine.sys) >= 1


def test_a_bare_interpreter_reads_without_dear_imports() -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
        "from gctune.host import container, cpus, process\n"
        "container.read_container(); cpus.usable_cpus(); process.rss_bytes()\n"
        "print(*sys.modules)"
    )
    command = [sys.executable, "-I", "-S", "-c", script]
    loaded = set(subprocess.check_output(command, text=True).split())
    assert loaded & {"dataclasses", "enum", "pathlib", "psutil", "re", "typing"} == set()


def test_a_cpu_quota_bounds_the_processors(machine: Machine) -> None:
    machine.v2("/pod/app")
    machine.group(machine.groups / "pod" / "app", cpu_max="max 100000")
    assert usable_cpus(machine.proc, machine.sys) == len(os.sched_getaffinity(0))
    machine.group(machine.groups / "pod", cpu_max="50000 100000")
    assert usable_cpus(machine.proc, machine.sys) == 1


def test_a_v1_cpu_quota_bounds_the_processors(machine: Machine) -> None:
    machine.membership("2:cpu,cpuacct:/app")
    machine.mounts("3 1 0:9 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct")
    group = machine.groups / "cpu" / "app"
    machine.group(group, cpu_cfs_quota_us=-1, cpu_cfs_period_us=100_000)
    assert usable_cpus(machine.proc, machine.sys) == len(os.sched_getaffinity(0))
    machine.group(group, cpu_cfs_quota_us=90_000)
    assert usable_cpus(machine.proc, machine.sys) == 1


@pytest.fixture
def real_group() -> Iterator[Path]:
    """A group below the own one, with its own memory limit, on this very host."""
    lineages = find_cgroups("memory").lineages
    parents = [lineage[0].path for lineage in lineages if not lineage[0].unified]
    if not parents:
        pytest.skip("no version 1 memory controller is mounted here")
    group = Path(os.fsdecode(parents[0])) / f"gctune-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no group can be made here: {error}")
    yield group
    group.rmdir()


def test_a_child_in_a_real_group_reads_exactly_its_limit(real_group: Path) -> None:
    limit = 256 * MIB
    (real_group / "memory.limit_in_bytes").write_text(str(limit))
    script = (
        "import os, sys; from pathlib import Path\n"
        "Path(sys.argv[1], 'cgroup.procs').write_text(str(os.getpid()))\n"
        "from gctune.host.container import read_container\n"
        "found = read_container()\n"
        "print(found.limit.bytes, found.limit.source, found.working_set_bytes)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(real_group)], capture_output=True, text=True, check=True
    )
    found, source, working_set = done.stdout.split()
    assert (int(found), source) == (limit, str(real_group / "memory.limit_in_bytes"))
    assert 0 < int(working_set) < limit
