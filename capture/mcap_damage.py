"""Which chunks of a recording fail their checksum, and which frames lie in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from capture.errors import CaptureError
from capture.mcap_index import read_chunk, read_index


@dataclass(frozen=True, kw_only=True, slots=True)
class DamagedChunk:
    """One chunk, as the file's index tells of it."""

    position: int
    """Byte at which it begins."""
    frames: dict[str, int]
    """Frames in it by topic; most of them may be unharmed."""
    first_s: float
    """Its first frame, after the first frame of the recording, by the host's clock."""
    last_s: float

    def __str__(self) -> str:
        """Where it is, and what lies in it."""
        frames = f"{sum(self.frames.values())} frames of {len(self.frames)} streams"
        return f"the chunk at byte {self.position} ({frames}, {self.first_s:.2f} to {self.last_s:.2f} s)"


def damaged_chunks(path: Path, on_progress: Callable[[int, int], None] | None = None) -> tuple[DamagedChunk, ...]:
    """Reads every chunk of a recording with an index. Raises CaptureError when that cannot be read."""
    found = []
    with path.open("rb") as file:
        index = read_index(path, file)
        start_ns = min((int(rows[:, 2].min()) for rows in index.entries.values() if len(rows)), default=0)
        for number, position in enumerate(index.chunks):
            try:
                read_chunk(path, file, position)
            except CaptureError:
                rows = {index.channels[c].topic: r[r[:, 0] == number] for c, r in index.entries.items()}
                times = np.concatenate([r[:, 2] for r in rows.values()] or [np.zeros(0, np.int64)])
                first, last = (int(times.min()), int(times.max())) if len(times) else (start_ns, start_ns)
                found.append(
                    DamagedChunk(
                        position=position,
                        frames={topic: len(r) for topic, r in rows.items() if len(r)},
                        first_s=(first - start_ns) / 1e9,
                        last_s=(last - start_ns) / 1e9,
                    )
                )
            if on_progress:
                on_progress(number + 1, len(index.chunks))
    return tuple(found)
