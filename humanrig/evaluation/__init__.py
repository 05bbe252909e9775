"""How good a reconstruction is: pixels against detections, millimetres against clouds and against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from capture.session import Session
from humanrig import manifest
from humanrig.evaluation.against_truth import truth_errors
from humanrig.evaluation.pixels import pixel_errors
from humanrig.evaluation.surface import surface_errors
from humanrig.results import Results


def evaluate_session(folder: Path) -> dict[str, Any]:
    """Every figure of docs/evaluation.md; None where the session cannot give it.

    Raises CaptureError when the folder is no session, HumanrigError when no body has been fitted.
    """
    session = Session.open(folder)
    results = Results(session)
    flagged = sum(bool(flag) for flag in results.body["flags"].tolist())
    done = manifest.read(session.path("body"))
    total = len(done.instants) if done else len(session.instants())
    counts = {"total": total, "with_body": len(results.instants), "flagged": flagged}
    counts["lost"] = total - counts["with_body"]
    return {"frames": counts, **pixel_errors(results), **surface_errors(results), **truth_errors(results)}


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
    if figures["alignment"] is not None:
        lines.append(f"{'world of the truth':<22} {_alignment(figures['alignment'])}")
    return lines


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
