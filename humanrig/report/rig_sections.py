"""What the report says of the recording and of the rig: time, cameras, and which of them to fix."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from markupsafe import Markup

from calibration.calibration_files import rig_of
from calibration.rig import device_of
from geometry.camera_files.cameras_json import read_camera_file
from humanrig.report.inline import file_address
from humanrig.report.section import Section, Subject, table, told
from humanrig.report.svg import Row, row_chart, strip_chart
from humanrig.trust.evidence import Evidence, number
from humanrig.trust.judge import cameras_to_fix

MANY = 0.05
"""What costs a camera so much trust is named as one to fix."""


def synchronisation(subject: Subject) -> Section | None:
    """Which stream has a frame at which instant, and how each lies in time."""
    evidence, session = subject.evidence, subject.session
    if "sync" not in evidence.done:
        return None
    rows = [
        (
            stream.get("stream", ""), told(number(stream.get("frames")), 0), told(number(stream.get("holes")), 0),
            told(number(stream.get("drops")), 0), _stalls(stream), _ms(stream.get("residual_p95_us")),
            _ms(stream.get("residual_max_us")),
        )
        for stream in evidence.entries("sync", "streams")
    ]  # fmt: skip
    columns = ("stream", "frames", "holes", "drops", "silent", "off, 95 %", "off, worst")
    instants = session.instants()
    strips = {name: np.array([i.has(name) for i in instants], bool) for name in instants[0].index} if instants else {}
    parts = [strip_chart(strips, [i.instant for i in instants]), table(columns, rows, numbers=range(1, 7))]
    drawn = session.path("sync", "residuals.png")
    if drawn.is_file():
        parts.append(
            Markup('<details><summary>Residuals and lateness</summary><img loading="lazy" src="{}" alt="residuals of '
                   'the streams"></details>').format(file_address(drawn, "image/png"))
        )  # fmt: skip
    complete, count = evidence.figure("sync", "complete"), evidence.figure("sync", "instants")
    note = "Red: an instant without a frame of this stream. Off: how far a stream's frames lie from their instants."
    if complete is not None and count:
        note = f"{complete:.0f} of {count:.0f} instants have every frame. {note}"
    return Section(key="sync", title="Synchronisation", note=note, html=Markup("").join(parts))


def cameras(subject: Subject) -> Section | None:
    """A line for each device: what calibration and the results say of it, the worst first."""
    evidence, session = subject.evidence, subject.session
    if not session.devices:
        return None
    fix = cameras_to_fix(subject.verdict.reasons)
    sigma = _sigma_mm(subject)
    order = sorted(session.devices, key=lambda name: (-fix.get(name, 0.0), name))
    rows = []
    for name in order:
        words = [reason.of_camera for reason in subject.verdict.reasons if reason.camera == name]
        state = Markup('<b class="bad">fix</b>') if fix.get(name, 0.0) >= MANY else ""
        rows.append(
            (
                state, name, told(sigma.get(name), 1), told(_of(evidence.numbers("clouds", "apart_mm"), name), 1),
                told(_of(evidence.numbers("clouds", "unconfirmed_percent"), name), 0),
                *_keypoints(evidence, name), told(_of(evidence.numbers("texture", "polish", "moved_mm"), name), 1),
                "; ".join(words) or ("left out" if _left_out(evidence, name) else ""),
            )
        )  # fmt: skip
    columns = (
        "",
        "device",
        "σ mm",
        "apart mm",
        "alone %",
        "keypoints px",
        "aside px",
        "polish mm",
        "what speaks against it",
    )
    worst = next(iter(fix), "")
    first = f"Look at {worst} first. " if worst and fix[worst] >= MANY else "No camera stands out. "
    note = (
        first
        + "σ: of the camera's centre, where the calibration tells it. Apart: its surface from the others', beyond "
        "noise. Alone: points that no other camera confirms. Keypoints: median residual of the triangulation; aside: "
        "its mean to one side. Polish: how far the texture moved it so that pictures agree."
    )
    source = evidence.value("calibrate", "source")
    told_source = (
        Markup('<p class="note">Calibration: {}</p>').format(source) if isinstance(source, str) else Markup("")
    )
    residual = _residuals(subject)
    html = table(columns, rows, numbers=range(2, 8)) + told_source + residual
    return Section(key="cameras", title="Cameras", note=note, html=html)


def _residuals(subject: Subject) -> Markup:
    """Of each colour camera, the spread of the first person's triangulation residuals."""
    path = subject.session.path("keypoints", "person00.npz")
    if "keypoints" not in subject.evidence.done or not path.is_file():
        return Markup("")
    from humanrig.results import read_arrays

    arrays = read_arrays(path)
    fix = cameras_to_fix(subject.verdict.reasons)
    rows = []
    for n, stream in enumerate(arrays["streams"].tolist()):
        values = arrays["reprojection_px"][:, n]
        values = values[np.isfinite(values)]
        if len(values):
            low, q1, median, q3, high = np.percentile(values, [5, 25, 50, 75, 95]).tolist()
            bad = fix.get(device_of(stream), 0.0) >= MANY
            rows.append(Row(label=stream, value=median, box=(q1, q3), reach=(low, high), bad=bad))
    if not rows:
        return Markup("")
    title = Markup("<h3>Triangulation residual by camera</h3><p class='note'>Median, quartiles, 5 and 95 %. One camera "
                   "above the others has moved, or has another lens.</p>")  # fmt: skip
    return title + row_chart(rows, "px")


def _sigma_mm(subject: Subject) -> dict[str, float]:
    """The largest sigma of the centres of each device's cameras; nothing where nobody estimated it."""
    path = subject.session.path("calibration", "cameras.json")
    if not path.is_file():
        return {}
    covariance = rig_of(read_camera_file(path), str(path)).covariance
    found: dict[str, float] = {}
    if covariance is None:
        return found
    for name in covariance.cameras:
        mm = 1e3 * covariance.center_sigma_m(name)
        found[device_of(name)] = max(found.get(device_of(name), 0.0), mm)
    return found


def _keypoints(evidence: Evidence, device: str) -> tuple[str, str]:
    told_of = evidence.value("keypoints", "cameras")
    mine = told_of.get(f"{device}/color") if isinstance(told_of, Mapping) else None
    if not isinstance(mine, Mapping):
        return "–", "–"
    pixels, bias = mine.get("reprojection_px"), mine.get("bias_px")
    median = number(pixels.get("median")) if isinstance(pixels, Mapping) else None
    aside = math.hypot(*[number(side) or 0.0 for side in bias]) if isinstance(bias, list) else None
    return told(median), told(aside)


def _left_out(evidence: Evidence, device: str) -> bool:
    return any(device in evidence.words(stage, "left_out") for stage in ("sync", "calibrate"))


def _of(values: Mapping[str, float], device: str) -> float | None:
    mine = [value for name, value in values.items() if device_of(name) == device]
    return max(mine) if mine else None


def _stalls(stream: Mapping[str, object]) -> str:
    stalls = stream.get("stalls")
    seconds = (
        [number(s.get("seconds")) or 0.0 for s in stalls if isinstance(s, Mapping)] if isinstance(stalls, list) else []
    )
    return f"{sum(seconds):.1f} s" if seconds else "–"


def _ms(value: object) -> str:
    known = number(value)
    return "–" if known is None else f"{known / 1000:.2f} ms"
