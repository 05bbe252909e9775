"""The files that `humanrig estimate rgb` writes: their names by footage and person, checked before any work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from humanrig.estimating.places import check_place

PERSON: Final = "person{:02d}"
OVERLAYS: Final = {"picture": ".png", "video": ".mp4"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """What is written; None: not."""

    bodies: Path | None = None
    glb: Path | None = None
    overlay: Path | None = None

    def check(self, source: Path, video: bool) -> None:
        """Raises HumanrigError for names that cannot be written."""
        ending = OVERLAYS["video" if video else "picture"]
        named = {"--out": (self.bodies, ".npz"), "--glb": (self.glb, ".glb"), "--overlay": (self.overlay, ending)}
        for option, (path, wanted) in named.items():
            if path is not None:
                check_place(option, path, (wanted,), source, "the source")

    def of(self, name: str | None, person: int | None) -> Outputs:
        """The same with the footage and the person in each name, where there are several."""
        parts = ([name] if name else []) + ([] if person is None else [PERSON.format(person)])

        def named(path: Path | None) -> Path | None:
            return None if path is None else path.with_name("_".join([path.stem, *parts]) + path.suffix)

        return Outputs(bodies=named(self.bodies), glb=named(self.glb), overlay=named(self.overlay))
