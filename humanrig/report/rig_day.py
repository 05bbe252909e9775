"""A day at a rig on one page: its takes, what cameras lost, how the calibration drifted, and which camera to fix."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from markupsafe import Markup

from calibration.calibration_files import rig_of
from calibration.comparison import compare
from calibration.rig import RigCalibration, device_of
from capture.errors import CaptureError
from geometry.camera_files.cameras_json import read_camera_file
from geometry.camera_files.writing import write_text
from humanrig.batch.finding import find_sessions
from humanrig.calibrating.links import RESULT
from humanrig.errors import HumanrigError
from humanrig.report.day_take import Take, read_take
from humanrig.report.page import rendered
from humanrig.report.section import Section, made, table, told
from humanrig.report.svg import Row, row_chart
from humanrig.trust.evidence import number
from humanrig.trust.judge import cameras_to_fix

OFTEN = 0.02
"""Share of a camera's frames of the day from which its losses are drawn red: a take is repeated for so many."""
DRIFT_MM = 3.0
"""A camera that moved further between two calibrations of a day is drawn red: a sound board take knows it to 1 mm."""


def write_day(folder: Path, to: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Writes the page about the takes in a folder. Raises HumanrigError where there is none that can be opened."""
    found = find_sessions([str(folder)])
    takes, broken = [], []
    for number_, one in enumerate(found):
        try:
            takes.append(read_take(Path(one.name), Path(one.session), folder))
        except (CaptureError, OSError) as error:
            broken.append(f"{one.name}: {one.trouble or error}")
        progress(number_ + 1, len(found))
    if not takes:
        raise HumanrigError(f"{folder} has no take that can be opened: {'; '.join(broken) or 'it is empty'}")
    write_text(to, day_page(folder.resolve().name, sorted(takes, key=lambda t: t.session.info.created), broken))
    return to


def day_page(name: str, takes: Sequence[Take], broken: Sequence[str] = ()) -> str:
    """The page; `takes` in the order of the day, `broken` what could not be opened, in words."""
    makers: tuple[tuple[str, str, Callable[[], Section | None]], ...] = (
        ("cameras", "Which camera to fix", lambda: cameras_of_day(takes)),
        ("losses", "Lost frames", lambda: losses(takes)),
        ("clocks", "Clocks", lambda: clocks(takes)),
        ("drift", "Drift of the calibration", lambda: drift(takes)),
        ("takes", "Takes", lambda: takes_table(takes)),
        ("disk", "Disk", lambda: disk(takes)),
    )
    sections = [made(key, title, make, [take.evidence for take in takes]) for key, title, make in makers]
    repeat = sum(take.kept.get("keep") is False for take in takes)
    words = [f"{len(takes)} takes"] + ([f"{repeat} that the rig said to repeat"] if repeat else [])
    return rendered(
        "report_rig.html",
        title=f"Rig: {name}",
        subtitle=", ".join(words),
        broken=broken,
        sections=[section for section in sections if section is not None],
    )


def cameras_of_day(takes: Sequence[Take]) -> Section:
    """By device, in how many takes it costs trust, and the worst that was said of it."""
    said: dict[str, list[tuple[float, str, str]]] = {}
    for take in takes:
        for device, cost in cameras_to_fix(take.verdict.reasons).items():
            worst = next(reason for reason in take.verdict.reasons if reason.camera == device)
            said.setdefault(device, []).append((cost, take.name, worst.of_camera))
    order = sorted(said, key=lambda device: -sum(cost for cost, _, _ in said[device]))
    rows = []
    for device in order:
        cost, name, text = max(said[device])
        rows.append((device, f"{len(said[device])} of {len(takes)}", f"−{cost:.0%}", name, text))
    if not rows:
        note = "No camera costs any take trust. Takes that are not reconstructed tell of lost frames and clocks only."
        return Section(key="cameras", title="Which camera to fix", note=note)
    columns = ("camera", "takes", "most", "in", "what was said of it there")
    note = f"Look at {order[0]} first: over all takes it costs most trust."
    return Section(key="cameras", title="Which camera to fix", note=note, html=table(columns, rows, numbers=(1, 2)))


def losses(takes: Sequence[Take]) -> Section | None:
    """Frames that each device lost over the day."""
    lost: dict[str, float] = {}
    had: dict[str, float] = {}
    for take in takes:
        for device, (gone, there) in take.losses().items():
            lost[device] = lost.get(device, 0.0) + gone
            had[device] = had.get(device, 0.0) + there
    rows = [
        Row(label=device, value=100 * lost[device] / max(had[device] + lost[device], 1.0),
            text=f"{lost[device]:.0f} of {had[device] + lost[device]:.0f}",
            bad=lost[device] > OFTEN * max(had[device] + lost[device], 1.0))
        for device in sorted(lost, key=lambda d: (-lost[d] / max(had[d], 1.0), d))
    ]  # fmt: skip
    if not rows:
        return Section(
            key="losses",
            title="Lost frames",
            note="No take tells what was lost: neither the rig nor the stage sync said.",
        )
    return Section(
        key="losses",
        title="Lost frames",
        note="Over all takes, as the stage sync counted them, or else the rig itself.",
        html=row_chart(rows, "%"),
    )


def clocks(takes: Sequence[Take]) -> Section | None:
    """By device and take, how far its frames lie from their instants."""
    late = {take.name: found for take in takes if (found := take.late_ms())}
    return _by_take("clocks", "Clocks", "95 % of a device's frames lie this near to their instants, ms.", late, 2)


def drift(takes: Sequence[Take]) -> Section | None:
    """What is between the calibrations of the day, and how far surfaces of the takes between them are apart."""
    solved: list[tuple[str, RigCalibration]] = []
    for take in takes:
        path = take.session.path(*RESULT)
        if path.is_file():
            solved.append((take.name, rig_of(read_camera_file(path), str(path))))
    parts = []
    for (first, a), (second, b) in pairwise(solved):
        rows = [
            (Markup('<span class="bad">{}</span>').format(c.name) if c.center_mm > DRIFT_MM else c.name,
             told(c.center_mm), told(c.rotation_deg, 3), told(number(c.sigma_mm)))
            for c in sorted(compare(a, b).cameras, key=lambda c: -c.center_mm)
        ]  # fmt: skip
        parts.append(Markup("<h3>From {} to {}</h3>").format(first, second))
        parts.append(table(("camera", "moved mm", "turned °", "expected mm"), rows, numbers=(1, 2, 3)))
    apart: dict[str, dict[str, float]] = {}
    for take in takes:
        for stream, mm in take.evidence.numbers("clouds", "apart_mm").items():
            apart.setdefault(take.name, {})[device_of(stream)] = mm
    surfaces = _by_take("drift", "", "", apart, 1)
    if surfaces is not None:
        note = (
            "How far each camera's surface lies from the others' in the takes of the day, beyond noise, mm. What grows "
            "from take to take is a camera that yields."
        )
        parts.append(Markup("<h3>Surfaces</h3><p class='note'>{}</p>").format(note))
        parts.append(surfaces.html)
    if not parts:
        return Section(
            key="drift", title="Drift of the calibration", note="One calibration at most, and no clouds yet."
        )
    note = "Two calibrations of the day, laid upon each other by all camera centres." if len(solved) > 1 else ""
    return Section(key="drift", title="Drift of the calibration", note=note, html=Markup("").join(parts))


def takes_table(takes: Sequence[Take]) -> Section:
    """A line for each take, in the order of the day."""
    rows = []
    for take in takes:
        info, images = take.session.info, [s for s in take.session.streams.values() if s.is_image]
        seconds = max((s.frames / s.rate_hz for s in images if s.rate_hz), default=None)
        keep = take.kept.get("keep")
        why = next(iter(take.said("reasons") or take.said("doubts")), "")
        rig = Markup('<span class="bad">repeat</span>') if keep is False else "keep" if keep is True else "–"
        rig = rig + (f": {why}" if why else "")
        trust = f"{take.verdict.score:.2f} {take.verdict.line}" if take.is_person else "–"
        rows.append((
            f"{info.created:%H:%M}", take.name, info.subject, info.action, told(seconds, 1, "s"),
            len(take.session.devices), rig, trust,
        ))  # fmt: skip
    columns = ("UTC", "take", "subject", "action", "length", "devices", "rig said", "trust")
    return Section(key="takes", title="Takes", html=table(columns, rows, numbers=(4, 5)))


def disk(takes: Sequence[Take]) -> Section:
    """What the takes take, and what is free."""
    usage = shutil.disk_usage(takes[0].session.folder)
    total = sum(take.bytes for take in takes)
    rows = [
        Row(label=take.name, value=take.bytes / 1e9, text=f"{take.bytes / 1e9:.2f} GB")
        for take in sorted(takes, key=lambda take: -take.bytes)[:20]
    ]
    note = (
        f"{total / 1e9:.1f} GB in all; {usage.free / 1e9:.0f} GB are free, room for "
        f"{usage.free / max(total / len(takes), 1):.0f} more takes of this size."
    )
    return Section(key="disk", title="Disk", note=note, html=row_chart(rows, "GB"))


def _by_take(key: str, title: str, note: str, values: Mapping[str, Mapping[str, float]], digits: int) -> Section | None:
    """A table of takes by devices; None of no values."""
    devices = sorted({device for of_take in values.values() for device in of_take})
    if not devices:
        return None
    rows = [(name, *(told(of_take.get(device), digits) for device in devices)) for name, of_take in values.items()]
    html = table(("take", *devices), rows, numbers=range(1, len(devices) + 1))
    return Section(key=key, title=title, note=note, html=html)
