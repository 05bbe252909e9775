"""A part of the report: a heading, what it means, and what is shown; a part that cannot be made says why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup, escape

from capture.session import Session
from humanrig.errors import HumanrigError
from humanrig.expected_errors import expected_errors
from humanrig.report.misread import MISREAD, misread
from humanrig.report.people import ShownPerson, shown_people
from humanrig.trust.evidence import Evidence
from humanrig.trust.verdict import Verdict

EMPTY = Markup("")


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of the page."""

    key: str
    """The anchor that links lead to."""
    title: str
    note: str = ""
    html: Markup = EMPTY


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What the report is about."""

    session: Session
    evidence: Evidence
    verdict: Verdict
    progress: Callable[[int, int], None] = lambda done, total: None

    @cached_property
    def people(self) -> list[ShownPerson]:
        """Everybody who has a body that belongs to the present results. Raises HumanrigError when nobody has."""
        if "register" not in self.evidence.done:
            raise HumanrigError("the stage register has not finished, so there are no bodies to show")
        return shown_people(self.session)


def made(key: str, title: str, make: Callable[[], Section | None], evidence: Sequence[Evidence]) -> Section | None:
    """The section, or one that says in a sentence why it cannot be shown; None where there is nothing to say.

    Files of a session may be cut short or of another program: what their readers meet there is told, not raised.
    `evidence` is of the sessions that it shows.
    """
    try:
        return make()
    except expected_errors() as error:
        why = str(error)
    except MISREAD as error:
        why = misread(error, evidence)
    return Section(key=key, title=title, html=Markup('<p class="bad">Not shown: {}</p>').format(why))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, numbers: Sequence[int] = ()) -> Markup:
    """An HTML table; columns whose places are in `numbers` are set to the right. Cells are escaped unless Markup."""
    head = Markup("").join(
        Markup('<th class="{}">{}</th>').format("n" if n in numbers else "", name) for n, name in enumerate(columns)
    )
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup('<td class="{}">{}</td>').format("n" if n in numbers else "", escape(cell))
                for n, cell in enumerate(row)
            )
        )
        for row in rows
    )
    return Markup('<div class="scroll"><table><tr>{}</tr>{}</table></div>').format(head, body)


def told(value: float | None, digits: int = 1, unit: str = "") -> str:
    """A number with its unit; a dash where it is not known."""
    return "–" if value is None else f"{value:.{digits}f}{' ' if unit else ''}{unit}"
