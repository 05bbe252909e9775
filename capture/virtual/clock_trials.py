"""Trials of synchronisation: clocks and arrivals with known faults, and how many groups come out wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from capture.frame_sets import HOLE
from capture.session import Session
from capture.sync.exchange_fit import fit_comparisons
from capture.sync.pairing import FrameSets, frame_sets
from capture.virtual.clocks import ClockEffects, draw_clocks
from capture.virtual.true_frames import read_true_frames, recorded_exposures

PERIOD_US = 1e6 / 30
RESETS = ("none", "subordinate back", "subordinate forward", "master", "everyone")


@dataclass(frozen=True, kw_only=True, eq=False)
class WiredTake:
    """What the devices of a cable delivered, and the true pulse of each frame."""

    device_us: Mapping[str, Int64[np.ndarray, "_"]]
    host_us: Mapping[str, Int64[np.ndarray, "_"]]
    delays_us: Mapping[str, int]
    pulses: Mapping[str, Int64[np.ndarray, "_"]]

    @property
    def master(self) -> str:
        """Its colour stream."""
        return next(iter(self.device_us))

    def wrong_groups(self, sets: FrameSets) -> int:
        """Instants whose frames are not all of one pulse."""
        found = ([self.pulses[s][k] for s, k in i.index.items() if k != HOLE] for i in sets.instants)
        return sum(len(set(pulses)) != 1 for pulses in found)


def wired_take(seed: int, *, devices: int = 10, seconds: float = 600.0, reset: str = "none") -> WiredTake:
    """A wired take with skew, jitter, 2 % drops, a stall of 3 s and a reset of the named kind (`RESETS`).

    A reset happens in the middle of the take: a clock starts at 0 again (`back`, `master`) or jumps ahead, up to 20 s;
    `everyone`: all devices within a second of each other.
    """
    rng = np.random.default_rng(seed)
    names = [f"kinect_{d:03d}" for d in range(devices)]
    stall_s = min(3.0, seconds / 4)
    effects = ClockEffects(
        drop_rate=0.02, stall_device=names[-1], stall_at_s=float(rng.uniform(0, seconds - stall_s)), stall_s=stall_s
    )
    pulse_us = np.rint(np.arange(round(seconds * 30)) * PERIOD_US).astype(np.int64)
    middle_us = 0.5e6 * seconds
    device_us, host_us, pulses, delays = {}, {}, {}, {}
    for d, (name, clock) in enumerate(draw_clocks(names, effects=effects, seed=seed).items()):
        hit = {"master": d == 0, "everyone": True}.get(reset, reset != "none" and d == 1 + seed % (devices - 1))
        at_us = middle_us + (rng.uniform(0, 1e6) if reset == "everyone" else 0)
        ahead_us = int(rng.uniform(20_000, 20e6)) if reset == "subordinate forward" else -round(clock.offset_us + at_us)
        for kind in ("color", "depth"):
            frames, stream = clock.frames(kind, pulse_us), f"{name}/{kind}"
            there = frames.delivered
            times = frames.device_us + np.where(hit & (frames.exposed_us >= at_us), ahead_us, 0)
            device_us[stream], host_us[stream] = times[there], frames.arrived_us[there]
            pulses[stream], delays[stream] = np.flatnonzero(there), clock.delay_us(kind)
    return WiredTake(device_us=device_us, host_us=host_us, delays_us=delays, pulses=pulses)


def wired_trial(seed: int, *, devices: int = 10, seconds: float = 600.0, reset: str = "none") -> dict[str, float | int]:
    """Wrong groups, frames left out and the largest residual of such a take."""
    take = wired_take(seed, devices=devices, seconds=seconds, reset=reset)
    sets = frame_sets(take.device_us, host_us=take.host_us, delays_us=take.delays_us, master=take.master, rate_hz=30.0)
    return {
        "wrong_groups": take.wrong_groups(sets),
        "groups": len(sets.instants),
        "frames": sum(len(t) for t in take.device_us.values()),
        "left_out": sum(s.unused for s in sets.streams),
        "residual_max_us": max(s.residual_max_us for s in sets.streams),
    }


def phone_trial(seed: int, *, seconds: float = 300.0, rate_hz: float = 20.0) -> dict[str, float | int]:
    """Errors of the fit of a phone's clock to exchanges over a Wi-Fi whose two ways differ, first 60 in 3 s.

    The way to the host takes 3 ms and a gamma-distributed 8 ms in the mean, the way back 3 ms and 1.5 ms.
    """
    rng = np.random.default_rng(seed)
    host_us = np.concatenate([50_000.0 * np.arange(60), 3e6 + np.arange(0, 1e6 * seconds, 1e6 / rate_hz)])
    skew_ppm = float(rng.normal(0, 20))
    device_us = 7e8 * rng.random() + host_us * (1 + 1e-6 * skew_ppm)
    there, back = 3000 + rng.gamma(2, 4000, len(host_us)), 3000 + rng.gamma(1, 1500, len(host_us))
    fit = fit_comparisons(
        np.rint(device_us).astype(np.int64), host_us - np.rint(device_us) + (there - back) / 2, there + back
    )
    inside: Float64[np.ndarray, "n"] = fit.host_us(device_us) - host_us
    return {"offset_error_us": float(np.abs(inside).max()), "skew_error_ppm": abs(fit.skew_ppm - skew_ppm)}


def matching_errors(session: Session, sets: FrameSets) -> dict[str, dict[str, float | int]]:
    """Of each stream of a simulated session: the times that its matched frames got, less the true ones.

    True times are rig time on the clock that the Kinects share (truth/clocks.json). Raises CaptureError when the
    session was not simulated.
    """
    clock = json.loads(session.path("truth", "clocks.json").read_text())[sets.master.rsplit("/", 1)[0]]
    errors = {}
    for stream in sets.times_us:
        truth = read_true_frames(session, stream)
        exposed = truth.exposed_us[recorded_exposures(truth)]
        found = np.array(
            [
                (i.time_us + i.offset_us[stream] - clock["offset_us"]) / (1 + 1e-6 * clock["skew_ppm"])
                - exposed[i.index[stream]]
                for i in sets.instants
                if i.has(stream)
            ]
        )
        if len(found):
            errors[stream] = {
                "matched": len(found),
                "mean_us": round(float(found.mean()), 1),
                "max_us": round(float(np.abs(found).max()), 1),
            }
    return errors
