"""The one table of what gctune tells of a process, and how several processes become one.

Names, kinds and help stand here once: the Prometheus text, the JSON, the
collector for an application's own registry, the alert rules and the dashboard
are all made from this table. `python_gc_*` and `process_*` are the names that
client_python gives, so that dashboards made for those work.

Numbers that are summed are integers of a small unit (nanoseconds, bytes,
objects), so that a sum does not depend on its order.
"""

from __future__ import annotations

from gctune.memory.relief import Mood
from gctune.metrics.metric import ALERT, LE, SAMPLED, SUM, Across, Kind, Metric
from gctune.monitor.histogram import BOUNDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gctune.metrics.metric import Number, Read, Reading, Row

BUCKETS = (*map(repr, BOUNDS), "+Inf")  # what the label `le` of a histogram may be, besides SUM

_SECOND = 10**9  # nanoseconds
_GENERATION = "generation"
_ABOUT = ("version", "environment", "interpreter", "level")


def _known(value: Number | None, *labels: str) -> Iterator[Row]:
    if value is not None:
        yield labels, value


def _field(name: str) -> Read:
    return lambda reading: _known(getattr(reading.sample, name))


def _rate(name: str) -> Read:
    return lambda reading: _known(getattr(reading.sample.rates, name, None))


def _by_generation(name: str) -> Read:
    return lambda reading: (
        ((str(generation),), value)
        for generation, value in enumerate(getattr(reading.sample, name) or ())
    )


def _pools(*states: str) -> Read:
    return lambda reading: (
        ((name, state), getattr(stats, state))
        for name, stats in reading.sample.pools.items()
        for state in states
    )


def _enabled(reading: Reading) -> Iterator[Row]:
    yield (), int(reading.sample.enabled)


def _in_collections(reading: Reading) -> Iterator[Row]:
    spent = reading.sample.pause_ns
    return _known(None if spent is None else sum(spent))


def _pauses(reading: Reading) -> Iterator[Row]:
    for generation, histogram in enumerate(reading.sample.pauses or ()):
        for bound, count in zip(BUCKETS, histogram.counts):
            yield (str(generation), bound), count
        yield (str(generation), SUM), histogram.sum_ns


def _waited(reading: Reading) -> Iterator[Row]:
    yield from _known(reading.sample.waited_some_ns, "some")
    yield from _known(reading.sample.waited_full_ns, "all")


def _limit_state(reading: Reading) -> Iterator[Row]:
    state = reading.sample.limit_state
    for mood in (Mood.OK, Mood.RELIEVING, Mood.THRASHING) if state else ():
        yield (mood,), int(mood == state)


def _paced(reading: Reading) -> Iterator[Row]:
    for reason, times in reading.sample.paced.items():
        yield (reason,), times


def _alerts(reading: Reading) -> Iterator[Row]:
    for rule, state in reading.alerts.items():
        yield (rule,), int(state.raised)


def _measured(reading: Reading) -> Iterator[Row]:
    for rule, state in reading.alerts.items():
        yield from _known(state.value, rule)


def _about(reading: Reading) -> Iterator[Row]:
    yield tuple(reading.about[label] for label in _ABOUT), 1


def _counter(name: str, told: str, read: Read, *labels: str, per: int = 1) -> Metric:
    return Metric(name, Kind.COUNTER, told, labels, Across.SUM, read, per)


def _gauge(
    name: str, told: str, read: Read, *labels: str, across: str = Across.EACH, per: int = 1
) -> Metric:
    return Metric(name, Kind.GAUGE, told, labels, across, read, per)


_ALL = (
    _counter(
        "python_gc_collections_total", "Collections.", _by_generation("collections"), _GENERATION
    ),
    _counter(
        "python_gc_objects_collected_total",
        "Objects that collections freed.",
        _by_generation("collected"),
        _GENERATION,
    ),
    _counter(
        "python_gc_objects_uncollectable_total",
        "Objects that collections found to be garbage and could not free.",
        _by_generation("uncollectable"),
        _GENERATION,
    ),
    _counter("process_cpu_seconds_total", "CPU time.", _field("cpu_ns"), per=_SECOND),
    _gauge("process_resident_memory_bytes", "Resident memory.", _field("rss_bytes")),
    Metric(
        "gctune_gc_pause_seconds",
        Kind.HISTOGRAM,
        "How long collections stopped the program; from monitor level detailed on.",
        (_GENERATION, LE),
        Across.SUM,
        _pauses,
        _SECOND,
    ),
    _counter(
        "gctune_gc_cpu_seconds_total",
        "Time spent in collections; from Python 3.15 or monitor level detailed on.",
        _in_collections,
        per=_SECOND,
    ),
    _counter(
        "gctune_gc_candidates_total",
        "Objects that collections examined; from Python 3.15 on.",
        _by_generation("candidates"),
        _GENERATION,
    ),
    _gauge(
        "gctune_gc_last_pause_seconds",
        "The pause of the last collection.",
        _field("last_pause_ns"),
        per=_SECOND,
    ),
    _gauge(
        "gctune_gc_longest_pause_seconds",
        "The longest pause since the sample before.",
        _field("longest_pause_ns"),
        per=_SECOND,
    ),
    _gauge(
        "gctune_gc_cpu_ratio",
        "Share of the CPU time since the sample before that went to collections.",
        _rate("gc_share"),
    ),
    _gauge(
        "gctune_gc_collections_per_second",
        "Collections a second since the sample before.",
        _rate("collections"),
    ),
    _gauge(
        "gctune_gc_threshold",
        "The collector's thresholds.",
        _by_generation("thresholds"),
        _GENERATION,
    ),
    _gauge("gctune_gc_enabled", "1 where collections start on their own.", _enabled),
    _gauge(
        "gctune_gc_until_young",
        "Container allocations, less deallocations, until the next young collection.",
        _field("until_young"),
    ),
    _gauge(
        "gctune_memory_usage_bytes",
        "The container's working set: what it uses, less inactive file pages.",
        _field("working_set_bytes"),
        across=Across.SHARED,
    ),
    _gauge(
        "gctune_memory_limit_bytes",
        "What the process should stay under, or what its container allows; the lesser.",
        _field("limit_bytes"),
        across=Across.SHARED,
    ),
    _gauge(
        "gctune_memory_limit_state",
        "1 for where the process stands to its limit: ok, relieving, or thrashing.",
        _limit_state,
        "state",
    ),
    _gauge(
        "gctune_memory_headroom_bytes",
        "What is left below the limit.",
        _field("headroom_bytes"),
    ),
    _gauge(
        "gctune_memory_peak_bytes",
        "The most that resident memory has been.",
        _field("peak_rss_bytes"),
    ),
    _gauge(
        "gctune_memory_growth_bytes_per_second",
        "Growth of resident memory since the sample before.",
        _rate("rss_bytes"),
    ),
    _gauge(
        "gctune_memory_blocks",
        "Memory blocks of the interpreter's allocator that are in use.",
        _field("blocks"),
    ),
    _gauge(
        "gctune_memory_allocation_bytes_per_second",
        "Allocated since the sample before, at least: memory's growth, or what containers take.",
        _rate("allocated_bytes"),
    ),
    _counter(
        "gctune_gc_allocated_containers_total",
        "Containers allocated and still there when a collection began; from level detailed on.",
        _field("allocated"),
    ),
    Metric(
        "gctune_memory_pressure_seconds_total",
        Kind.COUNTER,
        "Time in which some tasks of the container, or all, waited for memory.",
        ("tasks",),
        Across.SHARED,
        _waited,
        _SECOND,
    ),
    _gauge(
        "gctune_pool_objects",
        "Objects of a pool: idle, or in use.",
        _pools("idle", "in_use"),
        "pool",
        "state",
        across=Across.ALIVE,
    ),
    _counter(
        "gctune_pool_acquires_total",
        "Objects taken from a pool: idle ones (hits), or made anew (misses).",
        _pools("hits", "misses"),
        "pool",
        "result",
    ),
    _counter(
        "gctune_pacing_changes_total",
        "What adaptive mode did, by its reason.",
        _paced,
        "reason",
    ),
    _gauge(ALERT, "1 while the alert of that rule is raised.", _alerts, "rule"),
    _gauge("gctune_alert_value", "What the rule measures, in its unit.", _measured, "rule"),
    _gauge(
        SAMPLED,
        "When these numbers were read, in seconds since 1970.",
        _field("time"),
    ),
    _gauge(
        "gctune_config_info",
        "Always 1; its labels say what is in force.",
        _about,
        *_ABOUT,
        across=Across.SHARED,
    ),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _ALL}
