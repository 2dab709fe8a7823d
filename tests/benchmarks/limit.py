"""What the soft limit is worth: a program in a container that the kernel would kill it in.

    python tests/benchmarks/limit.py [RUNS [SESSIONS WORK]]

Runs the program of `cycles.py`, as root, in a group of 512 MiB: as it is, and
under `gctune run` at the settings of production. Its throughput is set against
that of the same program with no limit, run in turn. Then two of them in one
group, and `live.py`, whose live memory is above its limit for a minute: what
gctune's threads take of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from groups import MemoryGroup, memory_group

HERE = Path(__file__).parent
RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
SESSIONS, WORK = sys.argv[2:4] if len(sys.argv) > 3 else ("25000", "10")

LIMIT = 512 << 20
PROGRAM = [sys.executable, str(HERE / "cycles.py"), SESSIONS, WORK]
TUNED = [sys.executable, "-m", "gctune", "run", "--environment", "production", "--"]
LIVE = [*TUNED, sys.executable, str(HERE / "live.py")]

LIVE_LIMIT = 256 << 20
LOOK = 0.25  # seconds between two looks at the CPU time of threads
WINDOW = 8  # looks in 2 s
LATE = 30.0  # seconds
TICK = os.sysconf("SC_CLK_TCK")


def in_group(command: list[str], group: MemoryGroup) -> str:
    """What a program prints that runs in a group; nothing where it is killed."""
    done = subprocess.run(
        command, preexec_fn=group.joining(), stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode in (0, -9), done
    return done.stdout


def killed() -> bool:
    with memory_group(LIMIT) as group:
        return not in_group(PROGRAM, group) and group.kills() > 0


def survived() -> tuple[dict[str, float] | None, float]:
    """What the program says of itself, if it lives, and its peak as a share of the limit."""
    with memory_group(LIMIT) as group:
        printed = in_group([*TUNED, *PROGRAM], group)
        return json.loads(printed) if printed else None, group.peak() / LIMIT


def shared() -> tuple[int, float]:
    """How many of two programs in one group live, and the group's peak as a share of the limit."""
    with memory_group(LIMIT) as group:
        both = [
            subprocess.Popen(
                [*TUNED, *PROGRAM],
                preexec_fn=group.joining(),  # noqa: PLW1509 - there is one thread
                stdout=subprocess.DEVNULL,
            )
            for _ in range(2)
        ]
        return [each.wait() for each in both].count(0), group.peak() / LIMIT


def unlimited() -> dict[str, float]:
    printed = subprocess.run(PROGRAM, stdout=subprocess.PIPE, text=True, check=True).stdout
    figures: dict[str, float] = json.loads(printed)
    return figures


def described(values: list[float]) -> str:
    return f"{median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def compare_cycles() -> None:
    deaths = sum(killed() for _ in range(RUNS))
    print(f"  as it is: killed in {deaths} of {RUNS} runs")
    pairs = [(survived(), unlimited()) for _ in range(RUNS)]
    lived = [(ours, peak, free) for (ours, peak), free in pairs if ours is not None]
    print(f"  under gctune: survived {len(lived)} of {RUNS} runs")
    print(f"  its peak, of the limit: {described([peak for _, peak, _ in lived])}")
    for unit in ("a_second", "a_cpu_second"):
        ratios = [ours[unit] / free[unit] for ours, _, free in lived]
        rate = median(free[unit] for _, _, free in lived)
        print(f"  sessions {unit}, of the {rate:.0f} with no limit: {described(ratios)}")
    print(f"  peak with no limit: {median(free['peak_mib'] for _, _, free in lived):.0f} MiB")


def compare_shared() -> None:
    runs = [shared() for _ in range(RUNS)]
    lived = sum(alive for alive, _ in runs)
    print(f"  two in one group: {lived} of {2 * RUNS} survived", end="")
    print(f", the peak of both {described([peak for _, peak in runs])}")


def cpu_seconds(pid: int) -> float:
    """CPU time of every thread but the first: those are gctune's."""
    spent = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        if task.name != str(pid):
            fields = (task / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
            spent += int(fields[11]) + int(fields[12])
    return spent / TICK


def watch(process: subprocess.Popen[str]) -> list[float]:
    """CPU time of gctune's threads, a quarter of a second each, until the program ends."""
    spent = [cpu_seconds(process.pid)]
    while process.poll() is None:
        time.sleep(LOOK)
        try:
            spent.append(cpu_seconds(process.pid))
        except (FileNotFoundError, ProcessLookupError):
            break
    return [max(0.0, after - before) for before, after in pairwise(spent)]  # threads end


def watch_live() -> None:
    environ = {**os.environ, "GCTUNE_MEMORY__LIMIT": str(LIVE_LIMIT)}
    with subprocess.Popen(LIVE, env=environ, stdout=subprocess.PIPE, text=True) as process:
        spent = watch(process)
        assert process.stdout is not None
        told = json.loads(process.stdout.read())
    windows = [sum(spent[place : place + WINDOW]) for place in range(len(spent) - WINDOW)]
    late = spent[int(LATE / LOOK) :]
    print(f"  live memory of {told['live_mib']:.0f} MiB with a limit of {LIVE_LIMIT >> 20} MiB")
    print(f"  thrashing was told {told['told_after']:.2f} s after it was above")
    print(f"  gctune's threads took at most {max(windows) / (WINDOW * LOOK):.1%} of any 2 s")
    print(f"  and {sum(late) / (len(late) * LOOK):.1%} after {LATE:.0f} s")


def main() -> None:
    print(f"Python {sys.version.split()[0]}, {SESSIONS} sessions with work {WORK}, 512 MiB")
    compare_cycles()
    compare_shared()
    watch_live()


if __name__ == "__main__":
    main()
