"""How good a reconstruction is: pixels against detections, millimetres against clouds and against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from capture.session import Session
from humanrig import manifest
from humanrig.evaluation.against_truth import truth_errors
from humanrig.evaluation.people import fitted_people
from humanrig.evaluation.pixels import pixel_errors
from humanrig.evaluation.surface import surface_errors
from humanrig.results import Results


def evaluate_session(folder: Path, *, clouds: bool = True, most_instants: int | None = None) -> dict[str, Any]:
    """Every figure of docs/evaluation.md; None where the session cannot give it.

    The top level is about person00, or the first person who has a body; `people` holds everybody who is in the truth.
    `clouds`: measure the clouds against the truth, too. `most_instants`: of a longer clip, measure clouds at so many
    instants, evenly spread: each takes half a second. Raises CaptureError when the folder is no session, HumanrigError
    when no body has been fitted.
    """
    session = Session.open(folder)
    everybody = [Results(session, person) for person in fitted_people(session)]
    results = everybody[0]
    flagged = sum(bool(flag) for flag in results.body["flags"].tolist())
    done = manifest.read(session.path("body"))
    total = len(done.instants) if done else len(session.instants())
    counts = {"total": total, "with_body": len(results.instants), "flagged": flagged}
    counts["lost"] = total - counts["with_body"]
    truth = truth_errors(everybody, clouds=clouds, most_instants=most_instants)
    return {"frames": counts, **pixel_errors(results), **surface_errors(results, most_instants), **truth}


def sentences(figures: dict[str, Any]) -> list[str]:
    """The figures for people, one line each."""
    frames = figures["frames"]
    lines = [
        f"frames                 {frames['with_body']} of {frames['total']} with a body, {frames['flagged']} flagged, "
        f"{figures['flips']} flips",
        _line("reprojection", figures["reprojection_px"], ("median", "p95"), "px"),
        _line("bare SMPL joints", figures["joints_px"], ("median", "p95"), "px"),
        _line("of it the detector", figures["detector_px"], ("median", "p95"), "px"),
    ]
    lines += [_line(f"held out {name}", v, ("median", "p95"), "px") for name, v in figures["held_out_px"].items()]
    for name, text in (
        ("cloud_to_surface_mm", "cloud to surface"),
        ("cloud_to_body_mm", "cloud to naked body"),
        ("pve_mm", "vertex error (PVE)"),
        ("mpjpe_mm", "joint error (MPJPE)"),
        ("pa_mpjpe_mm", "aligned (PA-MPJPE)"),
    ):
        if figures[name] is not None:
            keys = [k for k in ("mean", "p95", "max") if k in figures[name]]
            lines.append(_line(text, figures[name], keys, "mm"))
    for person in figures["people"] or ():
        lines += _about(person)
    for name in figures["people_missed"] or ():
        lines.append(f"{'of the truth':<22} {name} has no body")
    if figures["cloud_to_true_surface_mm"] is not None:
        lines.append(_cloud(figures["cloud_to_true_surface_mm"]))
    if figures["alignment"] is not None:
        lines.append(f"{'world of the truth':<22} {_alignment(figures['alignment'])}")
    return lines


def _about(person: dict[str, Any]) -> list[str]:
    """What is told of each person in the truth."""
    pve, skate, still, sure = (person[k] for k in ("pve_mm", "foot_skate_mm", "still_jitter_mm", "sigma_coverage"))
    parts = ", ".join(f"{name} {v:.0f}" for name, v in person["pve_mm_by_part"].items() if v is not None)
    more = [f"worst instant {pve['worst_instant']} with {pve['worst_instant_mean']:.1f} mm"]
    more.append(f"height {person['height_error_mm']:+.0f} mm")
    if skate is not None:
        more.append(f"standing feet slide {skate['mean']:.1f} mm an instant")
    if still is not None:
        more.append(f"trembles by {still['rms']:.1f} mm")
    if sure is not None and sure["joints"]["68"] is not None:
        more.append(f"the 68 % interval holds {sure['joints']['68']:.0%} of the joints")
    name = person["person"] + ("" if person["person"] == person["true"] else f" (truth: {person['true']})")
    return [f"{name:<22} vertices {pve['mean']:.1f} mm, {', '.join(more)}", f"{'  by part, mm':<22} {parts}"]


def _cloud(values: dict[str, Any]) -> str:
    covered = "" if values["covered"] is None else f", {values['covered']:.1%} of what two cameras saw within 5 mm"
    return f"{'cloud to true surface':<22} mean {values['mean']:.2f} mm, p99.9 {values['p99_9']:.1f} mm{covered}"


def _alignment(values: dict[str, Any]) -> str:
    if not values["cameras"]:
        return "no camera is in both; the two worlds are taken to be one"
    return (
        f"reached by {values['cameras']} cameras: moved {values['moved_mm']:.1f} mm, turned "
        f"{values['turned_deg']:.2f}°; they stay {values['cameras_mm']:.1f} mm off in the mean"
    )


def _line(text: str, values: dict[str, float], keys: Any, unit: str) -> str:
    shown = ", ".join("–" if values[k] is None else f"{k} {values[k]:.1f} {unit}" for k in keys)
    return f"{text:<22} {shown}"
