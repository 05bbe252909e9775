"""What bodies, surfaces and textures cost: how far they lie from what was seen, and where there are none."""

from __future__ import annotations

from collections.abc import Mapping

from calibration.rig import device_of
from humanrig.trust import limits
from humanrig.trust.collecting import Reasons
from humanrig.trust.evidence import Evidence, number
from humanrig.trust.seeing_reasons import plain_scale


def fitting_reasons(evidence: Evidence, reasons: Reasons) -> None:
    """Adds what the stages `register`, `mesh` and `texture` tell."""
    _bodies(evidence, reasons)
    _parts(evidence, reasons)
    _surfaces(evidence, reasons)
    _textures(evidence, reasons)


def _bodies(evidence: Evidence, reasons: Reasons) -> None:
    done = evidence.done.get("register")
    if done is None:
        return
    told = evidence.value("register", "people")
    people = {str(k): v for k, v in told.items() if isinstance(v, Mapping)} if isinstance(told, Mapping) else {}
    scales = [plain_scale(evidence, stream) for stream in evidence.session.of_kind("color")]
    scale = sum(scales) / len(scales) if scales else 1.0
    for person, figures in people.items():
        who = person if len(people) > 1 else "the body"
        frames, total, flagged = number(figures.get("frames")), len(done.instants), figures.get("flagged")
        if frames is not None and total:
            text = f"{who} is missing at {total - frames:.0f} of {total} instants"
            reasons.add("register", limits.NO_BODY, 1 - frames / total, text)
        if isinstance(flagged, Mapping) and frames:
            first = next(iter(flagged.values()), "")
            text = f"{who} is flagged at {len(flagged)} of {frames:.0f} instants, first '{first}'"
            reasons.add("register", limits.FLAGGED, len(flagged) / frames, text)
        px, mm = number(figures.get("keypoint_px_median")), number(figures.get("surface_mm_mean"))
        if px is not None:
            text = f"{who} lies {scale * px:.0f} px from the keypoints in the median; look at the overlays"
            reasons.add("register", limits.BODY_PX, scale * px, text)
        if mm is not None:
            text = f"{who} lies {mm:.0f} mm from the cloud in the mean; its shape or the calibration is wrong"
            reasons.add("register", limits.BODY_MM, mm, text)


def _parts(evidence: Evidence, reasons: Reasons) -> None:
    """The part of each person that fits worst, and the one of which least was seen."""
    for person, parts in evidence.parts.items():
        who = f"{person}'s" if len(evidence.parts) > 1 else "the"
        far = max((p for p in parts if p.residual_mm >= 0), key=lambda p: p.residual_mm, default=None)
        if far is not None:
            text = f"{who} {far.name.replace('_', ' ')} lies {far.residual_mm:.0f} mm from its points in the mean"
            reasons.add("register", limits.PART_MM, far.residual_mm, text)
        seen = min((p for p in parts if p.coverage >= 0), key=lambda p: p.coverage, default=None)
        if seen is not None:
            text = f"only {seen.coverage:.0%} of {who} {seen.name.replace('_', ' ')} have points where cameras look"
            reasons.add("register", limits.PART_SEEN, seen.coverage, text)


def _surfaces(evidence: Evidence, reasons: Reasons) -> None:
    mm = evidence.figure("mesh", "cloud_to_surface_mm")
    if mm is not None:
        reasons.add("mesh", limits.SURFACE_MM, mm, f"the surface lies {mm:.1f} mm from the cloud in the mean")
    percent = evidence.figure("mesh", "unexplained_percent")
    if percent is not None:
        text = f"{percent:.0f} % of the cloud lie near no surface"
        reasons.add("mesh", limits.UNEXPLAINED_PERCENT, percent, text)
    without, made = evidence.value("mesh", "without_surface"), evidence.figure("mesh", "instants")
    if isinstance(without, list) and made is not None and without:
        share = len(without) / (made + len(without))
        reasons.add("mesh", limits.NO_SURFACE, share, f"{len(without)} instants have a body and no surface")


def _textures(evidence: Evidence, reasons: Reasons) -> None:
    seen = evidence.figure("texture", "seen_clip")
    if seen is not None:
        text = f"{1 - seen:.0%} of the surface were seen by no colour camera; their colour is filled in"
        reasons.add("texture", limits.TEXTURE_SEEN, seen, text)
    for stream, mm in evidence.numbers("texture", "polish", "moved_mm").items():
        text = f"{device_of(stream)}: the texture fits only after moving it {mm:.0f} mm; calibrate again"
        reasons.add("texture", limits.POLISH_MM, mm, text, device_of(stream))
