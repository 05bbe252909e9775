"""What the report says of the people: how well bodies fit over time, what of them was seen, and their colours."""

from __future__ import annotations

import cv2
import numpy as np
from markupsafe import Markup

from geometry.coded_images import decode_image
from humanrig.report.inline import data_address, jpeg
from humanrig.report.people import ShownPerson
from humanrig.report.section import Section, Subject, table, told
from humanrig.report.svg import Line, Row, line_chart, row_chart
from humanrig.trust.evidence import mean_over_time, number

OVER_TIME = (
    ("keypoint_px", "px", "Keypoint residual", "Median distance of the body's landmarks from the detections."),
    ("surface_mm", "mm", "Surface residual", "Mean distance of the person's cloud from the naked body."),
    ("sigma", "mm", "Certainty", "Standard deviation of the joints along an axis, mean of all 24."),
)
SEEN_BADLY = 0.5
"""A part with points on less of what cameras see of it is drawn red."""
TEXTURE_PIXELS = 384


def people_table(subject: Subject) -> Section | None:
    """A line for each person."""
    if "register" not in subject.evidence.done:
        return None
    keys = ("frames", "flagged", "height", "keypoints", "surface", "sigma", "coverage")
    rows = []
    for person in subject.people:
        row = person.row()
        swatch = Markup('<span style="color: {}">&#9632;</span> {}').format(row["color"], row["name"])
        rows.append((swatch, *(row[key] for key in keys)))
    columns = ("", "instants", "flagged", "height", "keypoints", "surface", "certainty", "coverage")
    note = "Medians over the instants; certainty is the standard deviation of the joints along an axis."
    return Section(key="people", title="People", note=note, html=table(columns, rows, numbers=range(1, 8)))


def residuals(subject: Subject) -> Section | None:
    """Lines over time; flagged instants have a red foot."""
    if "register" not in subject.evidence.done:
        return None
    flagged = sorted({instant for person in subject.people for instant in person.flags})
    parts = []
    for key, unit, title, note in OVER_TIME:
        lines = [
            Line(name=p.name, color=_hex(p), x=np.asarray(p.results.body["instants"], float), y=_of(p, key))
            for p in subject.people
        ]
        if chart := line_chart(lines, unit, marked=flagged):
            parts.append(Markup("<h3>{}</h3><p class='note'>{}</p>{}").format(title, note, chart))
    flags = Markup("").join(
        Markup("<li>{}, instant {}: {}</li>").format(person.name, instant, flag)
        for person in subject.people
        for instant, flag in list(person.flags.items())[:SHOWN_FLAGS]
    )
    more = sum(max(0, len(person.flags) - SHOWN_FLAGS) for person in subject.people)
    if flags:
        rest = Markup("<li>and {} more, in body/personNN.npz</li>").format(more) if more else Markup("")
        parts.append(Markup("<h3>Flagged instants</h3><ul>{}{}</ul>").format(flags, rest))
    note = "Red at the foot: instants that are flagged." if flagged else "No instant is flagged."
    return Section(key="residuals", title="Residuals over time", note=note, html=Markup("").join(parts))


SHOWN_FLAGS = 12
"""Flagged instants of a person that the page lists."""


def coverage(subject: Subject) -> Section | None:
    """How much of each part has points, how far they lie, and by how many cameras joints were seen."""
    if "register" not in subject.evidence.done:
        return None
    parts = []
    for person in subject.people:
        body = person.results.body
        if "part_coverage" not in body:
            continue
        seen, apart = (mean_over_time(body[key]) for key in ("part_coverage", "part_residual_mm"))
        rows = [
            Row(label=name.replace("_", " "), value=100 * float(c), bad=bool(c < SEEN_BADLY),
                text=f"{100 * c:.0f} %, {told(number(float(r)))} mm off")
            for name, c, r in zip(body["part_names"].tolist(), seen, apart, strict=True)
        ]  # fmt: skip
        parts.append(Markup("<h3>{}</h3>{}").format(person.name, row_chart(rows, "%", top=100.0)))
    views = subject.evidence.figure("keypoints", "cameras_per_joint")
    words = "" if views is None else f" A joint was seen by {views:.1f} cameras in the mean."
    if not parts and views is None:
        return None
    note = (
        f"Share of each part that depth cameras could see and that has points; how far they lie from the body.{words}"
    )
    return Section(key="coverage", title="Coverage", note=note, html=Markup("").join(parts))


def textures(subject: Subject) -> Section | None:
    """How much of the surface a colour camera saw, with the texture of each person's first segment."""
    evidence = subject.evidence
    if "texture" not in evidence.done:
        return None
    if skipped := evidence.value("texture", "skipped"):
        return Section(key="texture", title="Texture", note=str(skipped))
    clip, instant = evidence.figure("texture", "seen_clip"), evidence.figure("texture", "seen_instant")
    rows = [
        Row(label=name, value=100 * share, text=f"{share:.1%}")
        for name, share in (("over a clip", clip), ("at an instant", instant))
        if share is not None
    ]
    pictures = Markup("").join(
        Markup('<figure><img loading="lazy" src="{}" alt="texture of {}"><figcaption>{}</figcaption></figure>').format(
            address, name, name
        )
        for path in sorted(subject.session.path("texture").glob("person[0-9][0-9]/segment_000.jpg"))
        if (name := path.parent.name) and (address := _small(path.read_bytes()))
    )
    note = "Share of the surface that a colour camera saw; the rest is filled in from what is near."
    html = row_chart(rows, "%", top=100.0) + Markup('<div class="pictures">{}</div>').format(pictures)
    return Section(key="texture", title="Texture", note=note, html=html)


def _small(data: bytes) -> str:
    """A picture's address at TEXTURE_PIXELS; empty where it is no picture."""
    bgr = decode_image(data, cv2.IMREAD_COLOR)
    if bgr is None:
        return ""
    small = cv2.resize(bgr, (TEXTURE_PIXELS, TEXTURE_PIXELS), interpolation=cv2.INTER_AREA)
    return data_address(jpeg(small[..., ::-1], 80))


def _of(person: ShownPerson, key: str) -> np.ndarray:
    body = person.results.body
    if key != "sigma":
        return np.asarray(body[key], np.float64)
    return 1000 * body["joint_sigma"].mean(1) if "joint_sigma" in body else np.full(len(body["instants"]), np.nan)


def _hex(person: ShownPerson) -> str:
    return "#{:02x}{:02x}{:02x}".format(*person.color)
