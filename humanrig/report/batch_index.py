"""The index of many sessions: the least trusted first, each with its reason, a picture and a link to its report."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from capture.errors import CaptureError
from capture.session import Session
from geometry.camera_files.writing import write_text
from humanrig.batch.finding import Found, find_sessions
from humanrig.errors import HumanrigError
from humanrig.report.page import rendered
from humanrig.report.thumbnail import thumbnail
from humanrig.trust.evidence import gather
from humanrig.trust.judge import cameras_to_fix, judge_folder, weighed
from humanrig.trust.verdict import Verdict

ORDER = ("bad", "unfinished", "look", "good")
"""Of the words that count sessions at the head of the page."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of the index."""

    name: str
    verdict: Verdict
    picture: str = ""
    """An address that the page holds."""
    link: str = ""
    """The session's report, relative to the page; empty where there is none."""
    about: str = ""
    camera: str = ""
    """The device to look at first."""
    seconds: float = 0.0
    """That its stages took."""


def write_index(
    words: Sequence[str],
    to: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    until: str | None = None,
) -> tuple[Path, int]:
    """Writes the index of the sessions that words name; the page, and how many of them cannot be opened.

    `to` is the page itself where it ends in .html, else its folder; `until` is the last stage that was asked for: later
    ones are not missed. Raises HumanrigError where there is no session.
    """
    page = to if to.suffix.lower() in (".html", ".htm") else to / "index.html"
    found = [one for one in find_sessions(words) if not one.left_out]
    if not any(not one.trouble for one in found):
        raise HumanrigError(found[0].trouble if found else f"there is no session in {', '.join(words)}")
    entries = []
    for number, one in enumerate(found):
        entries.append(_entry(one, page.parent, until))
        progress(number + 1, len(found))
    write_text(page, index_page(entries))
    return page, sum(entry.verdict.score == 0.0 and not entry.about for entry in entries)


def index_page(entries: Sequence[Entry]) -> str:
    """The page: the least trusted first, those of one score by name."""
    counts = Counter(entry.verdict.word for entry in entries)
    fix = Counter(entry.camera for entry in entries if entry.camera)
    return rendered(
        "report_index.html",
        entries=sorted(entries, key=lambda entry: (entry.verdict.score, entry.name)),
        counts=[(word, counts[word]) for word in ORDER if counts[word]],
        total=len(entries),
        hours=sum(entry.seconds for entry in entries) / 3600,
        fix=[f"{camera} ({count})" for camera, count in fix.most_common(5)],
    )


def _entry(found: Found, beside: Path, until: str | None) -> Entry:
    folder = Path(found.session)
    try:
        session = Session.open(folder)
    except (CaptureError, OSError):
        return Entry(name=found.name, verdict=judge_folder(folder))
    evidence = gather(session, until)
    verdict = weighed(evidence)
    report = session.path("report", "index.html")
    instants = evidence.figure("sync", "instants")
    words = [session.info.subject, session.info.action, f"{session.info.created:%Y-%m-%d %H:%M}"]
    words += [f"{len(session.devices)} devices"] + ([f"{instants:.0f} instants"] if instants is not None else [])
    seconds = [done.seconds for done in evidence.done.values() if isinstance(done.seconds, int | float)]
    return Entry(
        name=found.name,
        verdict=verdict,
        picture=thumbnail(session),
        link=quote(os.fsencode(os.path.relpath(report, beside.resolve()))) if report.is_file() else "",
        about=", ".join(word for word in words if word),
        camera=next(iter(cameras_to_fix(verdict.reasons)), ""),
        seconds=float(sum(seconds)),
    )
