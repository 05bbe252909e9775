"""The computer's clock is set while work goes on: nothing is redone, no lease is lost, no take is disturbed."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from capture.checking import check_session
from capture.recorder.live_rig import LiveRig
from capture.recorder.recorder import Recorder
from capture.recorder.status import RecorderLimits
from capture.session import Session
from humanrig import lease, pipeline
from humanrig.pipeline import Request, reconstruct
from humanrig.stage import Stage, StageContext

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.recorder_rig.light_rig import light_rig

NAMES = ("sync", "calibrate")


class SetClock:
    """What the computer says that the time is; set anew by `set_to` (s from the true time)."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self._true = time.time

    def time(self) -> float:
        return self._true() + self.ahead_s

    def time_ns(self) -> int:
        return int(1e9 * self.time())

    def now(self, zone: object = None) -> datetime:
        return datetime.fromtimestamp(self._true(), UTC) + timedelta(seconds=self.ahead_s)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """A wall clock that the test sets; the monotonic clock goes on, as the kernel's does."""
    made = SetClock()
    monkeypatch.setattr(time, "time", made.time)
    monkeypatch.setattr(time, "time_ns", made.time_ns)
    for module in (pipeline, lease):
        monkeypatch.setattr(module, "datetime", made)
    return made


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    number: int = 1


@pytest.mark.parametrize("jump_s", [-400 * 86400.0, 400 * 86400.0])
def test_stages_are_neither_redone_nor_lost(
    clock: SetClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, jump_s: float
) -> None:
    def run(context: StageContext) -> dict:
        clock.ahead_s += jump_s  # in the middle of every stage
        (context.output / "value.txt").write_text("value")
        return {}

    monkeypatch.setattr(pipeline, "STAGES", NAMES)
    monkeypatch.setattr(
        pipeline, "load_stage", lambda name: Stage(name=name, folder=name, needs=(), config=Config, run=run)
    )
    session = Session.create(tmp_path / "take", streams=[], origin="test")
    assert [o.skipped for o in reconstruct(session, Request())] == [False, False]
    clock.ahead_s -= 3 * jump_s
    again = reconstruct(session, Request())
    assert [o.skipped for o in again] == [True, True]
    assert all(m.seconds < 60 for _, m in pipeline.completed(session))  # taken from the clock that nobody sets
    assert sorted(p.name for p in session.folder.iterdir()) == ["calibrate", "session.toml", "sync"]


@pytest.mark.slow
def test_a_take_is_recorded_through_a_jump(clock: SetClock, tmp_path: Path) -> None:
    with LiveRig(light_rig(2)) as rig:
        recorder = Recorder(rig, tmp_path / "take", host="pc", limits=RecorderLimits(least_s=0.1, reserve_bytes=0))
        rig.start()
        recorder.start()
        for jump_s in (86400.0, -3 * 86400.0, 3600.0):
            time.sleep(0.15)
            clock.ahead_s += jump_s
        rig.stop()
        recorder.stop()
    session = Session.open(tmp_path / "take")
    assert [f.text for f in check_session(session) if f.level == "error"] == []
    for name in session.streams:
        device_us, host_us = session.timestamps_us(name)
        assert len(device_us) > 3
        for times in (device_us, host_us):
            steps = np.diff(times)
            assert (steps > 0).all()
            assert steps.max() < 1e6  # a second: no jump came into the recording
