"""The report of a session: one page that needs no other file, no server and no network, finished session or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from capture.session import Session
from humanrig.errors import HumanrigError
from humanrig.evaluation import evaluate_session
from humanrig.expected_errors import expected_errors
from humanrig.report import body_sections, picture_sections, rig_sections, stage_sections
from humanrig.report.misread import MISREAD, misread
from humanrig.report.overlay import montage
from humanrig.report.pictures import Picture, write_jpeg
from humanrig.report.section import Section, Subject, made
from humanrig.trust.evidence import gather
from humanrig.trust.judge import cameras_to_fix, weighed

EVALUATED = 10
"""Instants at which clouds are measured: each takes half a second, and a page should take less than twenty."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a report is drawn."""

    instants: int = 5
    """At which the bodies are shown on every camera."""
    height: int = 540
    """Of each picture, pixels."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A drawn report."""

    html: str
    figures: dict[str, Any] | None
    """What `evaluate_session` measured; None of a session without bodies, or where `trouble` says why."""
    trouble: str
    overlays: list[list[Picture]]
    """The bodies on every camera, a row for each instant."""


def write_report(
    session: Session, folder: Path, look: Look, progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Any] | None:
    """Writes index.html and overlays.jpg into a folder; returns the figures of `evaluate_session`.

    Raises HumanrigError where there are bodies and they cannot be measured.
    """
    page = draw_page(session, look, progress)
    if page.trouble:
        raise HumanrigError(page.trouble)
    (folder / "index.html").write_text(page.html, "utf-8")
    if page.overlays:
        write_jpeg(folder / "overlays.jpg", montage(page.overlays))
    return page.figures


def draw_page(session: Session, look: Look, progress: Callable[[int, int], None] = lambda done, total: None) -> Page:
    """The report of a session as it is now: what is missing or damaged is said in its place."""
    evidence = gather(session)
    subject = Subject(session=session, evidence=evidence, verdict=weighed(evidence), progress=progress)
    figures, trouble = _evaluated(subject)
    overlays: list[list[Picture]] = []

    def on_every_camera() -> Section | None:
        section, rows = picture_sections.every_camera(subject, look.instants, look.height)
        overlays.extend(rows)
        return section

    makers: tuple[tuple[str, str, Callable[[], Section | None]], ...] = (
        ("trust", "Why", lambda: stage_sections.reasons(subject)),
        ("scene", "3D", lambda: _scene(subject)),
        ("worst", "Worst instants", lambda: picture_sections.worst(subject, look.height)),
        ("people", "People", lambda: body_sections.people_table(subject)),
        ("residuals", "Residuals over time", lambda: body_sections.residuals(subject)),
        ("cameras", "Cameras", lambda: rig_sections.cameras(subject)),
        ("sync", "Synchronisation", lambda: rig_sections.synchronisation(subject)),
        ("coverage", "Coverage", lambda: body_sections.coverage(subject)),
        ("texture", "Texture", lambda: body_sections.textures(subject)),
        ("overlays", "The fitted bodies on every camera", on_every_camera),
        ("stages", "Stages", lambda: stage_sections.stages(subject)),
    )
    parts = [made(key, title, make, [subject.evidence]) for key, title, make in makers]
    html = rendered(
        "report.html",
        title=f"{session.info.id}: {session.info.action or 'reconstruction'}",
        subtitle=_subtitle(subject),
        verdict=subject.verdict,
        cards=_cards(figures),
        trouble=trouble,
        sections=[part for part in parts if part is not None],
    )
    return Page(html=html, figures=figures, trouble=trouble, overlays=overlays)


def rendered(name: str, **values: Any) -> str:
    """A page of humanrig/templates with its values, each escaped unless it is Markup.

    Bytes in names of files that are no UTF-8 become question marks: a page is UTF-8.
    """
    folder = files("humanrig").joinpath("templates")
    loader = jinja2.FunctionLoader(lambda wanted: folder.joinpath(wanted).read_text("utf-8"))
    environment = jinja2.Environment(autoescape=True, loader=loader, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(name).render(**values).encode("utf-8", "replace").decode()


def _scene(subject: Subject) -> Section | None:
    """Bodies in motion, clouds and cameras; those to fix are red."""
    from humanrig.scene3d_embed import embedded_scene

    reasons = subject.verdict.reasons
    marked = {
        camera: next(reason.of_camera for reason in reasons if reason.camera == camera)
        for camera, cost in cameras_to_fix(reasons).items()
        if cost >= rig_sections.MANY
    }
    html = Markup(embedded_scene(subject.session, marked=marked))
    return Section(key="scene", title="In 3D", html=html)


def _evaluated(subject: Subject) -> tuple[dict[str, Any] | None, str]:
    """The figures of a session with bodies, or why there are none although there are bodies."""
    if "register" not in subject.evidence.done:
        return None, ""
    try:
        return evaluate_session(subject.session.folder, most_instants=EVALUATED), ""
    except expected_errors() as error:
        return None, str(error)
    except MISREAD as error:
        return None, misread(error, [subject.evidence])


def _cards(figures: dict[str, Any] | None) -> list[dict[str, str]]:
    if figures is None:
        return []
    frames = figures["frames"]
    cards = [{"value": f"{frames['with_body']} / {frames['total']}", "text": "instants with a body"}]
    for key, name, unit, text in (
        ("reprojection_px", "median", "px", "median reprojection"),
        ("cloud_to_surface_mm", "mean", "mm", "cloud to surface"),
        ("pve_mm", "mean", "mm", "vertex error against truth"),
        ("mpjpe_mm", "mean", "mm", "joint error against truth"),
    ):
        if figures[key] is not None and figures[key][name] is not None:
            cards.append({"value": f"{figures[key][name]:.1f} {unit}", "text": text})
    if figures["flips"]:
        cards.append({"value": str(figures["flips"]), "text": "instants look flipped, left against right"})
    return cards


def _subtitle(subject: Subject) -> str:
    session, register = subject.session, subject.evidence.value("register", "model")
    words = [f"{len(session.devices)} devices"]
    instants = subject.evidence.figure("sync", "instants")
    words += [f"{instants:.0f} instants"] if instants is not None else []
    words += [f"body model {register}"] if isinstance(register, str) else []
    return f"{', '.join(words)}; recorded {session.info.created:%Y-%m-%d %H:%M} UTC; {session.folder.name}"
