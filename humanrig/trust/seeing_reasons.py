"""What masks, clouds and keypoints cost: cameras that disagree with the others, and people seen by too few."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from calibration.rig import device_of
from humanrig.trust import limits
from humanrig.trust.collecting import Reasons
from humanrig.trust.evidence import Evidence, number
from registration.clouds.consistency import SHARED

PLAIN_WIDTH = 1280
"""Pixels are told at this width of the picture."""


def seeing_reasons(evidence: Evidence, reasons: Reasons) -> None:
    """Adds what the stages `masks`, `clouds` and `keypoints` tell."""
    _views(evidence, reasons)
    _clouds(evidence, reasons)
    _keypoints(evidence, reasons)


def _views(evidence: Evidence, reasons: Reasons) -> None:
    seen = evidence.numbers("clouds", "kept") or evidence.value("keypoints", "cameras")
    if isinstance(seen, Mapping) and seen:
        count = len({device_of(str(name)) for name in seen})
        word = "device" if count == 1 else "devices"
        text = f"only {count} {word} saw the person; what they do not see is guessed"
        reasons.add("clouds" if "clouds" in evidence.done else "keypoints", limits.VIEWS, float(count), text)


def _clouds(evidence: Evidence, reasons: Reasons) -> None:
    for stream, mm in evidence.numbers("clouds", "apart_mm").items():
        device = device_of(stream)
        text = f"{device}: its surface lies {mm:.1f} mm from that of the others; calibrate again or leave it out"
        reasons.add("clouds", limits.APART_MM, mm, text, device)
    instants, complete = evidence.figure("sync", "instants"), evidence.figure("sync", "complete")
    whole = not instants or complete is None or complete / instants >= limits.WHOLE
    tells = whole and len(evidence.numbers("clouds", "kept")) > 2
    alone = evidence.numbers("clouds", "unconfirmed_percent") if tells else {}
    most, usual = max(alone.values(), default=0.0), float(np.median([*alone.values()] or [0.0]))
    for stream, percent in alone.items():
        if percent < SHARED * most:  # a neighbour of the camera that is off misses it too
            continue
        device = device_of(stream)
        text = f"{device}: no other camera sees {percent:.0f} % of its points, {usual:.0f} % are usual; it has moved"
        reasons.add("clouds", limits.ALONE_PERCENT, percent - usual, text, device)
    empty, done = evidence.value("clouds", "empty"), evidence.done.get("clouds")
    if isinstance(empty, list) and done is not None:
        share = len(empty) / max(len(done.instants), 1)
        reasons.add("clouds", limits.NO_CLOUD, share, f"no points at {len(empty)} of {len(done.instants)} instants")


def _keypoints(evidence: Evidence, reasons: Reasons) -> None:
    told = evidence.value("keypoints", "cameras")
    cameras = {str(k): v for k, v in told.items() if isinstance(v, Mapping)} if isinstance(told, Mapping) else {}
    medians = {}
    for stream, figures in cameras.items():
        scale = plain_scale(evidence, stream)
        pixels = figures.get("reprojection_px")
        median = number(pixels.get("median")) if isinstance(pixels, Mapping) else None
        if median is not None:
            medians[stream] = scale * median
        _one_camera(stream, figures, scale, reasons)
    if medians:
        whole = float(np.median(list(medians.values())))
        text = f"keypoints of the cameras lie {whole:.0f} px apart in the median; calibrate again"
        reasons.add("keypoints", limits.PIXELS, whole, text)
        for stream, median in medians.items():
            ratio = median / max(whole, 1.0) if len(medians) > 2 else None
            text = f"{device_of(stream)}: its keypoints lie {median:.0f} px off, {whole:.0f} px in the others"
            reasons.add("keypoints", limits.PIXELS_RATIO, ratio, text, device_of(stream))
    instants, lost = evidence.figure("keypoints", "instants"), evidence.figure("keypoints", "instants_lost")
    if instants and lost is not None:
        reasons.add(
            "keypoints", limits.NO_KEYPOINTS, lost / instants, f"no joint at {lost:.0f} of {instants:.0f} instants"
        )
    parts = [evidence.figure("keypoints", f"joints_{how}") for how in ("interpolated", "lifted")]
    share = sum((part for part in parts if part is not None), 0.0)
    text = f"{share:.0%} of the joints are interpolated or seen by one camera alone"
    reasons.add("keypoints", limits.MADE_UP, share, text)
    sigma = evidence.figure("keypoints", "sigma_mm", "median")
    if sigma is not None:
        text = f"joints are triangulated to {sigma:.0f} mm only"
        reasons.add("keypoints", limits.KEYPOINT_SIGMA_MM, sigma, text)


def _one_camera(stream: str, figures: Mapping[str, object], scale: float, reasons: Reasons) -> None:
    device, bias, used = device_of(stream), figures.get("bias_px"), number(figures.get("used"))
    if isinstance(bias, list) and len(bias) == 2:
        right, down = number(bias[0]) or 0.0, number(bias[1]) or 0.0
        off = scale * math.hypot(right, down)
        text = f"{device}: its keypoints lie {off:.0f} px to one side of the others'; it has moved, calibrate again"
        reasons.add("keypoints", limits.BIAS_PX, off, text, device)
    if used is not None and (figures.get("instants_seen") or 0):
        text = f"{device}: {1 - used:.0%} of its keypoints fit no other camera's"
        reasons.add("keypoints", limits.UNUSED, 1 - used, text, device)


def plain_scale(evidence: Evidence, stream: str) -> float:
    """What turns a stream's pixels into those of a picture 1280 px wide."""
    info = evidence.session.streams.get(stream)
    return PLAIN_WIDTH / info.width if info is not None and info.width else 1.0
