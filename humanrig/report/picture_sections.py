"""The report's pictures of cameras: bodies over them at the worst instants, and spread over the clip."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from humanrig.report.inline import data_address, jpegs_within
from humanrig.report.pictures import Picture, overlay, overlays, placed_color, spread
from humanrig.report.section import Section, Subject
from humanrig.report.worst import telling_streams, worst_instants

WORST = 4
STREAMS_OF_WORST = 3
WORST_BYTES, OVERLAY_BYTES = 900_000, 2_600_000
"""Of the pictures before they are written as text, which takes a third more: a page has 10 MB, of which 3 are the
scene's."""
_DOTS = "Dots are detections: green where the triangulation used them, red where it did not."


def worst(subject: Subject, height: int) -> Section | None:
    """The worst instants, each in the cameras that show it best."""
    if "register" not in subject.evidence.done:
        return None
    session, everybody = subject.session, subject.people
    streams = placed_color(session)
    chosen = worst_instants(everybody, WORST)
    if not streams or not chosen:
        return None
    of_name = {person.name: person for person in everybody}
    pictures, captions = [], []
    for one in chosen:
        for stream in telling_streams(of_name[one.person], one.instant, streams, STREAMS_OF_WORST):
            pictures.append(overlay(session, everybody, one.instant, stream, height))
            captions.append(f"{one.person}, instant {one.instant}, {stream}: {one.why}")
    note = f"Where flags and residuals are worst, in the cameras that disagree most. {_DOTS}"
    return Section(key="worst", title="Worst instants", note=note, html=_figures(pictures, captions, WORST_BYTES))


def every_camera(subject: Subject, instants: int, height: int) -> tuple[Section | None, list[list[Picture]]]:
    """The bodies on every camera at instants spread over the clip; and the pictures themselves."""
    if "register" not in subject.evidence.done:
        return None, []
    everybody = subject.people
    every = sorted({i for person in everybody for i in person.results.instants})
    chosen = spread(every, instants)
    rows = overlays(subject.session, everybody, chosen, height, subject.progress)
    names = placed_color(subject.session)
    captions = [f"{name}, instant {instant}" for instant in chosen for name in names]
    pictures = [picture for row in rows for picture in row]
    if not pictures:
        return None, []
    html = _figures(pictures, captions, OVERLAY_BYTES)
    return Section(key="overlays", title="The fitted bodies on every camera", note=_DOTS, html=html), rows


def _figures(pictures: Sequence[Picture], captions: Sequence[str], most_bytes: int) -> Markup:
    figures = Markup("").join(
        Markup('<figure><img loading="lazy" src="{}" alt="{}"><figcaption>{}</figcaption></figure>').format(
            data_address(data), caption, caption
        )
        for data, caption in zip(jpegs_within(pictures, most_bytes), captions, strict=True)
    )
    return Markup('<div class="pictures">{}</div>').format(figures)
