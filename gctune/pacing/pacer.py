"""Adaptive mode: does what the policy decides, and says why."""

from __future__ import annotations

import gc
import os
from _operator import sub

from gctune.defaults import GARBAGE_BUDGET, PAUSE_TARGET
from gctune.host.generations import by_generation
from gctune.host.statm import Statm
from gctune.memory.standing import near_the_limit
from gctune.monitor.changes import Change, begin
from gctune.monitor.telling import warn
from gctune.pacing import policy
from gctune.pacing.pace import Act, Goal, Reading, Regime, starts_by_itself
from gctune.pacing.stopwatch import Stopwatch
from gctune.record import Record
from gctune.runtime import knobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.host.generations import Three
    from gctune.pacing.pace import Decision, State
    from gctune.runtime.plan import Plan

_LOOK = 0.25  # seconds between two looks while nothing is to be done
_AWAIT = 0.05  # while a full collection waits until no request is in flight
_ASIDE = 3600.0  # once it stands aside

_LAST_THE_FIRST = (2, 1, 0)  # thresholds: by the first collections start

_DO = {
    Act.FREEZE: knobs.PROMOTION.freeze,
    Act.THAW: knobs.PROMOTION.thaw,
    Act.FORGET: knobs.forget_survivors,
}


class _Latest:
    """What the last pacer knew: a forked child starts from it.

    `before` are the program's own thresholds, `left` those that were written last.
    `aside` says that it has left them to the program, for good under this `plan`.
    """

    state: State | None = None
    before: Three = (0, 0, 0)
    left: Three = (0, 0, 0)
    pid = 0
    plan: Plan | None = None
    aside = False


class _Counted(Record):
    """The collector's counts, and how many collections of each generation there were.

    `still` says that none came between the two readings.
    """

    counts: Three
    collections: Three
    still: bool

    @classmethod
    def of(cls, counts: Three, stats: list[dict[str, int]]) -> _Counted:
        """Tell it of both, read just now and in this order."""
        collections = by_generation(stats, "collections")
        return cls(counts, collections, gc.get_count()[1:] == counts[1:])

    def frozen_since(self, before: _Counted) -> bool:
        """Whether somebody froze objects: a freeze clears the counts of collections.

        Else each counts those of the generation below since its own last one.
        After a full collection nothing tells.
        """
        young, middle, full = map(sub, self.collections, before.collections)
        _, youngs, middles = before.counts
        if full or not (self.still and before.still):
            return False
        if self.counts[2] < middles + middle:
            return True
        return not middle and self.counts[1] < youngs + young


class Pacer:
    """A duty of the monitor's thread: moves the thresholds, and freezes.

    `changes` tells what it did. While the program has the collector off it does
    nothing; once that sets thresholds itself it undoes what it did and stands aside.
    """

    def __init__(self, goal: Goal, plan: Plan | None = None) -> None:
        self.changes = begin()
        self._goal, self._plan = goal, plan
        self._state: State | None = None
        self._aside = False
        self._pid = os.getpid()
        self._watch, self._statm = Stopwatch(), Statm()
        self._freezes = knobs.PROMOTION.allowed()
        self._thawed = knobs.PROMOTION.count() if self._freezes else 0
        self._counted = _Counted.of(gc.get_count(), gc.get_stats())

    def __call__(self, now_ns: int) -> float:
        """Look once, do what is due, and return the seconds until the next look."""
        if self._aside:
            return _ASIDE
        if not starts_by_itself(gc.isenabled(), _thresholds()):
            knobs.PROMOTION.thaw()  # the program may collect by itself, and everything
            return _LOOK
        if self._state is None:
            return self._do(self._begin(now_ns))
        if self._are_set_by_another():
            return self._stand_aside()
        if self._awaits_a_quiet(self._state):
            return _AWAIT
        reading = self._read(now_ns)
        rest_ns = policy.rest_ns(self._state, reading)
        return rest_ns / 1e9 or self._do(self._decide(self._state, reading))

    def close(self) -> None:
        """Hand back the thresholds, and have what was frozen looked at again.

        A forked child leaves that frozen, and gets its thresholds back too: nobody looks
        until its own pacer goes on from there, and that may never come.
        """
        self._see_no_more()
        paces, forked = self._state is not None and not self._aside, os.getpid() != self._pid
        if paces:
            _hand_back()
        if forked:
            knobs.PROMOTION.disown()
        elif paces:
            knobs.PROMOTION.thaw()
            _Latest.state = None

    def _begin(self, now_ns: int) -> Decision:
        reading, inherited = self._read(now_ns), _Latest.state
        forked = inherited is not None and _Latest.pid != self._pid
        if inherited is not None and forked and _thresholds() == _Latest.left:
            return policy.resume(inherited, reading, self._goal)
        _Latest.before = _thresholds()
        return policy.begin(reading, _Latest.before, self._goal)

    def _stand_aside(self) -> float:
        self._aside = True
        _hand_back()
        knobs.PROMOTION.thaw()
        self._see_no_more()
        if not _Latest.aside:  # else it has been told, if only by the process that forked this one
            _Latest.aside = True
            warn("gc.mode = 'adaptive': the program sets thresholds itself, so they are left to it")
        return _ASIDE

    def _see_no_more(self) -> None:
        self._watch.stop()
        self._statm.close()

    def _decide(self, state: State, reading: Reading) -> Decision:
        return policy.decide(state, reading, self._goal, knobs.PROMOTION.count_older)

    def _awaits_a_quiet(self, state: State) -> bool:
        """Whether a full collection is due that waits until no request is in flight."""
        if state.regime != Regime.LOOK or not knobs.FULL.kept_off:
            return False
        return by_generation(gc.get_stats(), "collections")[2] == state.last.collections[2]

    def _read(self, now_ns: int) -> Reading:
        rss = self._statm.rss_bytes()
        pressed = near_the_limit()
        thawed, self._thawed = self._thawed, 0
        counts, stats = gc.get_count(), gc.get_stats()  # here, as others run while the rss is read
        counted, (pauses, examined) = _Counted.of(counts, stats), self._watch.taken()
        self._leave_theirs(counted)
        return Reading(
            now_ns,
            gc.get_count()[0],
            counted.collections,
            by_generation(stats, "collected"),
            pauses,
            examined,
            rss,
            self._freezes and not knobs.FREEZE.has_frozen,
            knobs.PROMOTION.frozen,
            pressed,
            thawed,
        )

    def _leave_theirs(self, counted: _Counted) -> None:
        """Freeze and thaw no more once the program has frozen objects: the counts tell."""
        before, self._counted = self._counted, counted
        if counted.frozen_since(before):
            self._freezes = False
            knobs.PROMOTION.disown()

    def _do(self, decision: Decision) -> float:
        if self._are_set_by_another():
            return self._stand_aside()  # they were set while the rss was read
        decision = self._announced(decision)
        state = decision.state
        for act in decision.acts:
            self._thawed += _DO[act]() or 0
        if decision.acts:
            self._counted = _Counted.of(gc.get_count(), gc.get_stats())
        moved = self._state is None or state.thresholds != self._state.thresholds
        if moved and self._are_set_by_another():
            return self._stand_aside()  # they were set while that was decided, or done
        if decision.reason:
            self._tell(decision)
        self._state = _Latest.state = state
        _Latest.pid, _Latest.plan, _Latest.aside = self._pid, self._plan, False
        if moved:  # last of all: what is due is for a thread of the program's to collect
            _Latest.left = state.thresholds
            _write(state.thresholds)
        return decision.pause_ns / 1e9

    def _are_set_by_another(self) -> bool:
        state = self._state or (_Latest.state if _Latest.plan is self._plan else None)
        return state is not None and _thresholds() != _Latest.left

    def _announced(self, decision: Decision) -> Decision:
        """Have only threshold2 ask for a full collection that waits for a quiet."""
        state = decision.state
        if self._state is None or state.regime != Regime.LOOK or not knobs.FULL.kept_off:
            return decision
        young, middle, _ = self._state.thresholds
        return decision._replace(state=state._replace(thresholds=(young, middle, 0)))

    def _tell(self, decision: Decision) -> None:
        state, reason = decision.state, decision.reason
        last = state.last
        self.changes.add(Change(last.at_ns, reason, decision.acts, state.thresholds, last.rss))


def pacer_of(plan: Plan) -> Pacer:
    """The duty that a plan asks for."""
    seconds, budget = plan.value("gc.pause_target"), plan.value("memory.garbage_budget")
    goal = Goal(int(float(seconds or PAUSE_TARGET) * 1e9), float(budget or GARBAGE_BUDGET))
    return Pacer(goal, plan)


def _thresholds() -> Three:
    young, middle, _ = gc.get_threshold()
    return young, middle, knobs.FULL.read()


def _write(thresholds: Three) -> None:
    for index in _LAST_THE_FIRST:
        knobs.KNOBS[f"gc.threshold{index}"].write(thresholds[index])


def _hand_back() -> None:
    """Give the program back those of its thresholds that it has not set itself."""
    now, left, before = _thresholds(), _Latest.left, _Latest.before
    if now == left:
        _write(before)
        _Latest.left = before
    elif now[1:] == left[1:]:  # gc.set_threshold(700) leaves the others as they are
        _write((now[0], *before[1:]))
