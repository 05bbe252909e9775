"""HumanData's .npz (mmhuman3d): what is in it, each part checked when it is asked for.

After mmhuman3d's `docs/human_data.md`, `human_data.py` and `multi_human_data.py`. Everything is in the camera's frame.
Keypoints are of the convention human_data, 190 points, and may be stored without those that no row has.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int64

from hps.errors import HpsError
from hps.evaluation.files.entries import Entries, text_of, whole
from hps.evaluation.files.npz_files import read_npz_entries
from hps.evaluation.files.parameters import parameter_rows

POINTS: Final = 190
KEYS: Final = ("image_path", "bbox_xywh")
"""That every HumanData of pictures has."""
BODIES: Final = ("smpl", "smplx", "smplh")
SMPL_JOINTS: Final = (*range(22), 188, 189)
"""Of the convention human_data: SMPL's first 22 in their order, its hands at the end."""


@dataclass(frozen=True, slots=True)
class HumanDataFile:
    """One file, read."""

    path: Path
    entries: Entries

    @property
    def rows(self) -> int:
        """People in pictures: as many as there are boxes."""
        return len(self.entries.array("bbox_xywh"))

    @property
    def meta(self) -> Entries:
        """What is told of each row; nothing where the file has none."""
        return self._dictionary("meta")

    @property
    def misc(self) -> Entries:
        """What is told of the file; nothing where it has none."""
        return self._dictionary("misc")

    def _dictionary(self, name: str) -> Entries:
        return self.entries.within(name) if name in self.entries else Entries(f"{self.path}: {name}", {})

    def texts(self, name: str) -> list[str] | None:
        """A text a row; None where the file has none. Raises HpsError for another number of them."""
        if name not in self.entries:
            return None
        values = [text_of(value) for value in np.atleast_1d(np.asarray(self.entries.value(name), object)).tolist()]
        if len(values) != self.rows:
            raise HpsError(f"{self.path}: {name} has {len(values)} entries, the file {self.rows} rows")
        return values

    @property
    def kind(self) -> str | None:
        """smpl, smplx or smplh; None where the file has no parameters."""
        return next((name for name in BODIES if name in self.entries), None)

    def parameters(self) -> dict[str, Float[np.ndarray, "rows _"]] | None:
        """Betas, pose, root and translation (where it has one) by row; None where the file has none of them."""
        if self.kind is None:
            return None
        body = self.entries.within(self.kind)
        there = ("betas", "body_pose", "global_orient", *(("transl",) if "transl" in body else ()))
        return parameter_rows(body, there)

    def pairs(self, name: str) -> Float[np.ndarray, "rows 2"]:
        """Two numbers a row, of `meta` or, one for all, of `misc`. Raises HpsError where they are not told."""
        found = self.maybe_pairs(name)
        if found is None:
            raise HpsError(
                f"{self.path} has no {name} for its {self.rows} rows; without intrinsics depth makes no cloud"
            )
        return found

    def maybe_pairs(self, name: str) -> Float[np.ndarray, "rows 2"] | None:
        """As `pairs`; None where they are not told, or of another number of rows."""
        for place in (self.meta, self.misc):
            if name in place:
                try:
                    value = np.asarray(place.value(name), np.float64).reshape(-1, 2)
                except (TypeError, ValueError):
                    return None
                fits = len(value) in (1, self.rows) and bool(np.isfinite(value).all())
                return np.broadcast_to(value, (self.rows, 2)) if fits else None
        return None

    def points(self, name: str) -> Float[np.ndarray, "rows 190 _"] | None:
        """A set of keypoints, whole again where it was compressed by its mask; None where the file has none.

        Raises HpsError when the array does not fit its mask.
        """
        values = self.entries.maybe(name)
        if values is None:
            return None
        mask = np.ones(POINTS) > 0
        if f"{name}_mask" in self.entries:
            mask = self.entries.array(f"{name}_mask") > 0
        if values.ndim == 3 and values.shape[1] == POINTS:
            return values
        if values.ndim == 3 and f"{name}_mask" not in self.entries:
            raise HpsError(f"{self.path}: {name} has {values.shape[1]} points, the convention human_data {POINTS}")
        if values.ndim != 3 or mask.shape != (POINTS,) or values.shape[1] != int(mask.sum()):
            raise HpsError(
                f"{self.path}: {name} has shape {values.shape}, its mask {int(mask.sum())} of {mask.size} points"
            )
        full = np.zeros((len(values), POINTS, values.shape[2]))
        full[:, mask] = values
        return full

    def joints(self) -> Float[np.ndarray, "rows 24 3"] | None:
        """SMPL's joints where they are stored in the camera's frame, not about the root; NaN where one is missing."""
        convention = self.entries.text("keypoints3d_convention", "human_data")
        if bool(self.misc.content.get("kps3d_root_aligned", False)) or convention != "human_data":
            return None
        for name in ("keypoints3d_smpl", "keypoints3d"):
            found = self.points(name)
            if found is not None and found.shape[2] == 4:
                mine = found[:, list(SMPL_JOINTS)]
                return np.where(mine[..., 3:] > 0, mine[..., :3], np.nan)
        return None

    def people_of_frames(self) -> list[Int64[np.ndarray, "2"]] | None:
        """First row and the one after the last of each picture, in a MultiHumanData; None in a HumanData."""
        place: Any = self._dictionary("optional") if "optional" in self.entries else self.entries
        if "frame_range" not in place:
            return None
        ranges = whole(place.array("frame_range", shape=(None, 2)), f"{place.where}: frame_range")
        if len(ranges) and (ranges.min() < 0 or ranges.max() > self.rows or (ranges[:, 0] > ranges[:, 1]).any()):
            raise HpsError(f"{place.where}: frame_range goes to row {ranges.max()} of {self.rows}")
        return list(ranges)


def has_human_data(names: Set[str]) -> bool:
    """Whether the names of an .npz are HumanData's."""
    return set(KEYS) <= names


def read_human_data_file(path: Path) -> HumanDataFile:
    """The file. Raises HpsError for a damaged one, and for a pickle that names anything but arrays."""
    entries = read_npz_entries(path)
    missing = [key for key in KEYS if key not in entries]
    if missing:
        raise HpsError(f"{path} is no HumanData of pictures: it has no {', '.join(missing)}")
    return HumanDataFile(path, entries)
