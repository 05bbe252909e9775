"""masks/people.npz: where each person is at each instant, in the order in which people are numbered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64

from geometry.npz_files import DAMAGED, damage, read_npz
from registration.errors import RegistrationError

FILE = "people.npz"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PeopleTrack:
    """The people of a take, found together in all depth images."""

    instants: Int64[np.ndarray, "instants"]
    center: Float[np.ndarray, "instants people 3"]
    """Middle of the surface that is seen of a person, world metres; NaN where nobody saw the person."""

    @property
    def count(self) -> int:
        """How many people there are."""
        return self.center.shape[1]


def write_people_track(path: Path, track: PeopleTrack) -> None:
    """Writes the file, by its whole path."""
    np.savez(path, instants=track.instants, center=track.center)


def read_people_track(path: Path) -> PeopleTrack | None:
    """The people of a session's masks/people.npz; None where there is none: the session has no depth.

    Raises RegistrationError for a damaged file.
    """
    if not path.is_file():
        return None
    try:
        arrays = read_npz(path)
        return PeopleTrack(instants=arrays["instants"].astype(np.int64), center=arrays["center"].astype(float))
    except DAMAGED as error:
        raise RegistrationError(f"{path} cannot be read ({damage(error)}); run the stage masks again") from None
