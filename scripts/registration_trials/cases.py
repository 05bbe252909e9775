"""The takes on which registration is tuned (validation) and measured (test), fixed before anything was tuned.

People are of the bank's split of the same name. The clips are DeepMimic's: walk, dance_a and spinkick are of the test
split, kick and crawl of validation, the others of train; a pose prior may have seen those of train. Adults in tight
clothes are every seventh adult of the test split.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Row = Literal["tight", "sport", "loose", "children", "exact", "fast", "floor", "still", "people", "shape", "crossed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One take with ten Kinects, every sensor effect on, in a rig that was calibrated by its board take."""

    split: Literal["validation", "test"]
    row: Row
    clip: str
    subjects: tuple[str, ...] = ()
    """In the bank; empty: a body within the model, drawn with the rig's seed."""
    rig: int = 0
    """Seed of the rig and of everything that is drawn."""
    wardrobe: str | None = None
    """None: painted clothes 1 to 3 mm thick."""
    instants: int = 12
    """At 30 Hz."""

    @property
    def name(self) -> str:
        """Folder of the take."""
        who = "_".join(self.subjects) or "exact"
        return f"{self.split}_{self.row}_{who}_{self.clip}_{self.rig}"


def _case(split: Literal["validation", "test"], row: Row, clip: str, who: str, rig: int, **more: object) -> Case:
    return Case(split=split, row=row, clip=clip, subjects=tuple(who.split()), rig=rig, **more)  # type: ignore[arg-type]


CASES: Final = (
    _case("validation", "tight", "kick", "b0031", 0),
    _case("validation", "exact", "kick", "", 0),
    _case("validation", "loose", "kick", "b0083", 0, wardrobe="skirt"),
    _case("validation", "tight", "crawl", "b0081", 1),
    _case("validation", "children", "kick", "b0330", 1),
    _case("validation", "loose", "jump", "b0191", 1, wardrobe="everyday"),
    _case("validation", "tight", "jump", "b0130", 2),
    _case("validation", "sport", "punch", "b0087", 2, wardrobe="sport"),
    _case("validation", "loose", "punch", "b0222", 2, wardrobe="dress"),
    _case("validation", "still", "stand", "b0205", 1),
    _case("validation", "tight", "punch", "b0113", 0),
    _case("test", "tight", "walk", "b0007", 0, instants=21),
    _case("test", "tight", "dance_a", "b0007", 1, instants=21),
    _case("test", "tight", "dance_a", "b0033", 0, instants=21),
    _case("test", "tight", "spinkick", "b0033", 2, instants=21),
    _case("test", "loose", "walk", "b0131", 0, wardrobe="skirt"),
    _case("test", "exact", "walk", "", 0),
    _case("test", "tight", "spinkick", "b0102", 1, instants=21),
    _case("test", "tight", "walk", "b0102", 2, instants=21),
    _case("test", "children", "walk", "b0310", 0),
    _case("test", "loose", "dance_a", "b0064", 1, wardrobe="dress"),
    _case("test", "exact", "dance_a", "", 1),
    _case("test", "tight", "walk", "b0154", 1, instants=21),
    _case("test", "tight", "dance_a", "b0154", 2, instants=21),
    _case("test", "still", "stand", "b0167", 0),
    _case("test", "people", "punch", "b0047 b0107", 1),
    _case("test", "shape", "a_pose", "b0007", 0, instants=4),
    _case("test", "shape", "a_pose", "b0033", 0, instants=4),
    _case("test", "fast", "cartwheel", "b0025", 0),
    _case("test", "floor", "crawl", "b0174", 0),
    _case("test", "floor", "getup_faceup", "b0227", 1),
    _case("test", "loose", "walk", "b0012", 2, wardrobe="everyday"),
    _case("test", "children", "dance_a", "b0367", 1),
    _case("test", "children", "walk", "b0297", 2),
    _case("test", "sport", "dance_a", "b0022", 0, wardrobe="sport"),
    _case("test", "sport", "walk", "b0063", 1, wardrobe="sport"),
    _case("test", "exact", "spinkick", "", 2),
    _case("test", "tight", "dance_a", "b0203", 1, instants=21),
    _case("test", "tight", "spinkick", "b0203", 0, instants=21),
    _case("test", "tight", "walk", "b0249", 0, instants=21),
    _case("test", "tight", "spinkick", "b0249", 2, instants=21),
    _case("test", "fast", "kick", "b0099", 1),
    _case("test", "floor", "roll", "b0186", 2),
)
"""In the order in which they are made: what is needed first comes first."""
