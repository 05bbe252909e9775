"""How a batch stands, in words: a line for each session, and one for all."""

from __future__ import annotations

import time
from collections import Counter

from humanrig.batch.scheduler import Batch
from humanrig.batch.work import Work, time_left_s
from humanrig.costs.size import WHOLE

SECONDS_OF_SPEED = 1.0
"""Before so long no speed is said: it would jump."""


def speed_of(work: Work) -> float | None:
    """Instants a second of the running stage; None while that is not known."""
    done, total = work.progress
    took = time.monotonic() - work.since
    known = work.since and total and done and work.instants and work.running not in WHOLE
    if not known or took < SECONDS_OF_SPEED:
        return None
    return work.instants * done / total / took


def step_left_s(work: Work) -> float | None:
    """Of the running stage, from its progress; None while that is not known."""
    done, total = work.progress
    if not (work.since and done and total):
        return None
    return (time.monotonic() - work.since) * (total - done) / done


def totals(batch: Batch) -> str:
    """One line on all sessions: how many are done, failed, at work and to come, and how long it will take."""
    states = Counter(work.state for work in batch.works)
    counted = len(batch.works) - states["left out"]
    words = [f"{states['done']} of {counted} sessions done"]
    words += [f"{states[name]} {name}" for name in ("failed", "running", "waiting") if states[name]]
    if states["left out"]:
        words.append(f"{states['left out']} left out")
    words.append(f"{duration(time.monotonic() - batch.begun)} passed")
    left = time_left_s(batch.works, batch.executor.slots)
    if left > 0:
        words.append(f"about {duration(left)} left")
    return ", ".join(words)


def duration(seconds: float) -> str:
    """Such as 42 s, 7 min, 3 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def plain(text: str) -> str:
    """The text without what would move a terminal's cursor or break a line: names come from folders of others."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
