"""How far a session can be trusted, from what its stages wrote; the truth of a simulated one is never read."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path

from capture.errors import CaptureError
from capture.session import Session
from humanrig.trust.collecting import Reasons
from humanrig.trust.evidence import JUDGED, Evidence, gather
from humanrig.trust.fitting_reasons import fitting_reasons
from humanrig.trust.limits import BAD, GOOD, NO_STAGE
from humanrig.trust.recording_reasons import recording_reasons
from humanrig.trust.seeing_reasons import seeing_reasons
from humanrig.trust.verdict import Reason, Verdict, Word


def judge(session: Session, *, until: str | None = None) -> Verdict:
    """The verdict on a session as it is now. Raises nothing for one that is unfinished or damaged: that is a verdict.

    `until`: the last stage that was asked for; later ones are not missed. The score is the product of what each reason
    leaves: 1 − cost.
    """
    return weighed(gather(session, until))


def weighed(evidence: Evidence) -> Verdict:
    """The verdict on what has been gathered already."""
    reasons = Reasons()
    _unfinished(evidence, reasons)
    unfinished = bool(reasons.found)
    recording_reasons(evidence, reasons)
    seeing_reasons(evidence, reasons)
    fitting_reasons(evidence, reasons)
    reasons.add_warnings(evidence)
    found = tuple(sorted(reasons.found, key=lambda reason: -reason.cost))
    score = round(prod((1 - reason.cost for reason in found), start=1.0), 4)
    word: Word = "unfinished" if unfinished else "good" if score >= GOOD else "look" if score >= BAD else "bad"
    return Verdict(word=word, score=score, line=_line(word, found, evidence), reasons=found)


def judge_folder(folder: Path) -> Verdict:
    """The same of a folder that may be no session at all."""
    try:
        return judge(Session.open(folder))
    except (CaptureError, OSError) as error:
        reason = Reason(stage="", text=f"it cannot be opened: {error}", cost=1.0)
        return Verdict(word="unfinished", score=0.0, line=f"unfinished: {reason.text}", reasons=(reason,))


def cameras_to_fix(reasons: Sequence[Reason]) -> dict[str, float]:
    """Devices that cost trust, and what each takes from the score by itself, the worst first."""
    left: dict[str, float] = {}
    for reason in reasons:
        if reason.camera:
            left[reason.camera] = left.get(reason.camera, 1.0) * (1 - reason.cost)
    return {camera: round(1 - rest, 4) for camera, rest in sorted(left.items(), key=lambda item: item[1])}


def _unfinished(evidence: Evidence, reasons: Reasons) -> None:
    """The stages that have no result, or one that does not belong to the others."""
    again = f"run: humanrig reconstruct {evidence.session.folder}"
    failure = evidence.failure
    if failure is not None:
        reasons.put(failure.stage, NO_STAGE, f"stage {failure.stage} failed: {failure.sentence}")
    if evidence.missing:
        first, more = evidence.missing[0], len(evidence.missing) - 1
        text = f"stage {first} has not run{f', nor {more} more' if more else ''}; {again}"
        reasons.put(first, max(NO_STAGE, len(evidence.missing) / len(JUDGED)), text)
    for stage, trouble in evidence.damaged.items():
        reasons.put(stage, NO_STAGE, f"stage {stage}: {trouble}")
    for stage, redone in evidence.stale.items():
        text = f"stage {stage} was made from an earlier result of {redone}; {again}"
        reasons.put(stage, NO_STAGE, text)


def _headline(word: Word, reasons: Sequence[Reason]) -> Reason:
    """What is told first: of an unfinished session why it is that."""
    undone = (reason for reason in reasons if reason.text.startswith("stage "))
    return next(undone, reasons[0]) if word == "unfinished" else reasons[0]


def _line(word: Word, reasons: Sequence[Reason], evidence: Evidence) -> str:
    if word == "good":
        count = max((len(done.instants) for done in evidence.done.values()), default=0)
        count = count or round(evidence.figure("sync", "instants") or 0)  # the first two stages have no instants
        more = f"; least sure: {reasons[0].text}" if reasons else ", nothing speaks against it"
        return f"good: {count} instants, {len(evidence.session.devices)} devices{more}"
    return f"{word}: {_headline(word, reasons).text}" + (f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else "")
