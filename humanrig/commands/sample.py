"""`humanrig sample`: obtain a real recording to try the program on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from humanrig.terminal import progress, say


def sample(what: Positional[Literal["person"]], session: Positional[Path]) -> int:
    """Fetch a real recording through the package index and import it.

    person: four synchronised videos of a real person with a motion-capture calibration (100 frames at 60 fps; from
    the package pose2sim, BSD-3-Clause; the face was blurred by its authors).

    Args:
        what: Which recording.
        session: Folder to create.
    """
    from humanrig.sample import sample_person

    with progress(f"sample {what}") as update:
        sample_person(session, on_progress=update)
    say(f"{session}\nnext: humanrig reconstruct {session}")
    return 0
