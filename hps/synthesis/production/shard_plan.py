"""Which scenes go into which shard."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hps.synthesis.scenes.rows import SPLITS
from hps.synthesis.scenes.table import SceneTable


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """A run of consecutive scenes of one split."""

    name: str
    """SPLIT-NNNNN."""
    index: int
    """Among all shards of the data set."""
    split: str
    scenes: tuple[str, ...]
    pictures: int
    """Instants times cameras, over its scenes."""


def plan_shards(table: SceneTable, pictures: int) -> tuple[Shard, ...]:
    """Shards of at most so many pictures, or of one scene that has more; the same for the same table."""
    counts = dict.fromkeys(table.names, 0)
    for camera in table.cameras:
        counts[camera.scene] += 1
    planned: list[tuple[str, list[str], int]] = []
    for split in SPLITS:
        open_scenes: list[str] = []
        filled = 0
        for row in table.scenes:
            if row.split != split:
                continue
            more = row.frames * counts[row.scene]
            if open_scenes and filled + more > pictures:
                planned.append((split, open_scenes, filled))
                open_scenes, filled = [], 0
            open_scenes.append(row.scene)
            filled += more
        if open_scenes:
            planned.append((split, open_scenes, filled))
    numbers: Counter[str] = Counter()
    shards = []
    for index, (split, scenes, filled) in enumerate(planned):
        name = f"{split}-{numbers[split]:05d}"
        numbers[split] += 1
        shards.append(Shard(name=name, index=index, split=split, scenes=tuple(scenes), pictures=filled))
    return tuple(shards)
