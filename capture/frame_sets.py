"""sync/frames.parquet: which frame of each stream belongs to which instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from capture.errors import CaptureError

HOLE = -1
SCHEMA = pa.schema(
    [
        ("instant", pa.int32()),
        ("stream", pa.string()),
        ("index", pa.int32()),
        ("timestamp_us", pa.int64()),
        ("offset_us", pa.int64()),
    ]
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Instant:
    """The frames of one moment."""

    instant: int
    time_us: int
    """On the session clock."""
    index: dict[str, int]
    """Stream → index of its frame, -1 where it has none (a hole)."""
    offset_us: dict[str, int]
    """Stream → how much later than `time_us` its frame was taken; 0 for a hole."""

    def has(self, stream: str) -> bool:
        """Whether the stream has a frame at this instant."""
        return self.index.get(stream, HOLE) != HOLE

    @property
    def streams(self) -> list[str]:
        """Streams that have a frame."""
        return [stream for stream, index in self.index.items() if index != HOLE]


def write_instants(path: Path, instants: Sequence[Instant]) -> None:
    """Writes one row for each instant and stream; a hole has the instant's time and offset 0."""
    rows = [(i, stream) for i in instants for stream in i.index]
    offsets = [i.offset_us.get(stream, 0) for i, stream in rows]
    table = pa.table(
        {
            "instant": [i.instant for i, _ in rows],
            "stream": [stream for _, stream in rows],
            "index": [i.index[stream] for i, stream in rows],
            "timestamp_us": [i.time_us + offset for (i, _), offset in zip(rows, offsets)],
            "offset_us": offsets,
        },
        schema=SCHEMA,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")


def read_instants(path: Path) -> list[Instant]:
    """The instants in order. Raises CaptureError when the file is missing or is not such a table."""
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise CaptureError(f"{path} is missing; run: humanrig reconstruct {path.parent.parent} --only sync") from None
    except (pa.ArrowException, OSError) as error:
        raise CaptureError(f"{path} cannot be read ({error}); run the stage sync again") from None
    if not set(SCHEMA.names) <= set(table.column_names):
        raise CaptureError(f"{path} lacks columns of {', '.join(SCHEMA.names)}; run the stage sync again")
    try:
        table = table.select(SCHEMA.names).cast(SCHEMA)
        stream: list[str] = table["stream"].to_pylist()
    except (pa.ArrowException, ValueError) as error:
        raise CaptureError(f"{path} holds columns of other kinds ({error}); run the stage sync again") from None
    if any(column.null_count for column in table.columns):
        raise CaptureError(f"{path} has rows with nothing in them; run the stage sync again")
    instant, index, time, offset = (
        np.asarray(table[name], np.int64) for name in ("instant", "index", "timestamp_us", "offset_us")
    )
    order = np.argsort(instant, kind="stable")
    starts = np.flatnonzero(np.diff(instant[order], prepend=-1))
    return [
        Instant(
            instant=int(instant[rows[0]]),
            time_us=int(time[rows[0]] - offset[rows[0]]),
            index={stream[r]: int(index[r]) for r in rows},
            offset_us={stream[r]: int(offset[r]) for r in rows},
        )
        for rows in np.split(order, starts[1:])
        if len(rows)
    ]
