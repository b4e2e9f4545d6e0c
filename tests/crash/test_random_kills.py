"""Fifty kills at random moments of 30-step runs with a loop around a fan-out; each time another process goes on."""

from __future__ import annotations

import os
import random
import time

import pytest

from nbgraph import NoSuchRun
from tests.crash.graphs import TOUR_STEPS
from tests.crash.ground import Child, Ground, Told, in_flight, undisturbed, until
from tests.crash.witness import repeated

KILLS = 50
FAN_OUT = 3
PAUSES = {"plan": 0.004, "left": 0.002, "middle": 0.01, "right": 0.006, "gather": 0.004, "judge": 0.002}
START = 0.6  # seconds within which a child has begun to do things


class Kills:
    """Kills the children of one run after another at random moments, judges what each did, and counts.

    `hits` are the steps that the run had at each kill that ended a child, `starting` counts those that came before the
    child had an effect; `repeats` are the tasks that were repeated after each.
    """

    def __init__(self, ground: Ground, chance: random.Random) -> None:
        self._ground, self._chance = ground, chance
        self.hits, self.repeats = list[int](), list[int]()
        self.starting = self.steps = 0

    def one_run(self, run: str) -> Told:
        """One run, in as many processes as it takes; what the last one said."""
        self._ground.new_witness(run)
        while (told := self._one_life(run)) is None:
            pass
        self.steps += len(self._kept(run))
        return told

    def _one_life(self, run: str) -> Told | None:
        """One process; what it said where it ended by itself."""
        witness = self._ground.witness
        before, flying = witness.effects(), self._in_flight(run)
        child = self._ground.go("tour", run, pauses=PAUSES)
        if len(self.hits) < KILLS:
            self._wait_for_the_moment(child, len(before))
        killed = len(self.hits) < KILLS and child.kill()
        own = witness.effects(child.pid)
        self._judge(run, own, {*own} & {*before}, flying)
        if not killed:
            assert child.wait() == 0
            return child.told()
        self.starting += not own
        self.hits.append(len(self._kept(run)))
        return None

    def _wait_for_the_moment(self, child: Child, before: int) -> None:
        """Some time after its start, or after some effects of its own."""
        if self._chance.random() < 0.35:
            time.sleep(self._chance.uniform(0, START))
            return
        wanted = before + self._chance.randint(0, 8)
        until(lambda: len(self._ground.witness.effects()) >= wanted or child.ended, f"effect {wanted}", child)
        time.sleep(self._chance.uniform(0, 0.012))

    def _judge(self, run: str, own: list[str], again: set[str], flying: set[str]) -> None:
        """What a process did: its `own` effects, of them those `again` that were had before; `flying` was in flight."""
        witness, kept = self._ground.witness, self._kept(run)
        assert not repeated(own), "a process did something twice"
        assert again <= flying, f"{again - flying} had finished, and ran again"
        assert len(again) <= FAN_OUT
        assert not witness.after_shown()
        lost = {number: task for number, task in witness.shown.items() if kept.get(number) != task}
        assert not lost, f"{lost} had been shown as finished"
        if self.hits:
            self.repeats.append(len(again))

    def _kept(self, run: str) -> dict[int, str]:
        """The steps that the store holds."""
        try:
            return {step.number: step.task for step in self._ground.steps(run)}
        except NoSuchRun:
            return {}

    def _in_flight(self, run: str) -> set[str]:
        """What may run again; the first task starts before it is kept that the run began."""
        try:
            history = self._ground.history(run)
        except NoSuchRun:
            return set()
        return in_flight(history) if history.entries else {"plan#1"}


@pytest.mark.slow
def test_fifty_random_kills_lose_no_step_and_repeat_none_that_had_finished(ground: Ground) -> None:
    seed = int(os.environ.get("NBGRAPH_CRASH_SEED", time.time_ns() % 1_000_000))
    print(f"\nNBGRAPH_CRASH_SEED={seed}")
    kills, whole, runs = Kills(ground, random.Random(seed)), undisturbed("tour"), 0
    while len(kills.hits) < KILLS:
        told = kills.one_run(f"tour-{runs}")
        assert (told.status, told.what) == ("done", whole)
        runs += 1
    third = TOUR_STEPS // 3
    spread = [sum(low <= steps < low + third for steps in kills.hits) for low in range(0, TOUR_STEPS, third)]
    print(
        f"{len(kills.hits)} kills hit {runs} runs: {spread} in their thirds, {kills.hits.count(TOUR_STEPS)} after the "
        f"last step, {kills.starting} before a process did anything; {sum(kills.repeats)} tasks in flight repeated, at "
        f"most {max(kills.repeats)} after a kill; {kills.steps} steps, 0 lost, 0 repeated after they had finished"
    )
    assert kills.steps == runs * TOUR_STEPS
    assert min(*spread, kills.starting) > 0, "the kills do not cover the run"
