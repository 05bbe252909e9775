"""A stage that does the same for everybody who has a body, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from humanrig.results import Results, people
from humanrig.stage import StageContext

Progress = Callable[[int, int], None]


def for_everybody(context: StageContext, work: Callable[[Results, Progress], dict[str, Any]]) -> dict[str, Any]:
    """The figures of the first person and, where there are several, those of all under `people`.

    Raises HumanrigError when nobody has a body.
    """
    everybody = people(context.session)
    told = {}
    for number, person in enumerate(everybody):

        def progress(done: int, total: int, before: int = number) -> None:
            context.progress(before * total + done, len(everybody) * total)

        told[person] = work(Results(context.session, person), progress)
    return {**told[everybody[0]], **({"people": told} if len(told) > 1 else {})}
