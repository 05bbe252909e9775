"""Faults of HDF5, SQLite, safetensors, Parquet and MCAP files that are whole as such, and of deflated MATLAB arrays."""

from __future__ import annotations

import io
import os
import sqlite3
import tempfile
import zlib
from typing import Any, Final

import numpy as np

from fuzzing.faults.fault import HOSTILE_WORDS, Fault, Means
from fuzzing.faults.raw import bits_flipped, bytes_changed, length_changed, truncated

MAGICS: Final = {
    "hdf5": b"\x89HDF\r\n\x1a\n",
    "sqlite": b"SQLite format 3\0",
    "parquet": b"PAR1",
    "mcap": b"\x89MCAP0\r\n",
    "zip": b"PK\x03\x04",
}


def hdf5(data: bytes, means: Means) -> bytes | None:
    """A data set is of another kind or shape, claims to be huge, is a link to itself or to a file of others."""
    if not data.startswith(MAGICS["hdf5"]):
        return None
    import h5py

    buffer = io.BytesIO(data)
    try:
        with h5py.File(buffer, "r+") as file:
            names: list[str] = []
            file.visit(names.append)
            name = means.one(names)
            _change_hdf5(h5py, file, name, means)
    except (OSError, RuntimeError, ValueError, TypeError, KeyError):
        return None
    return buffer.getvalue()


def _change_hdf5(h5py: Any, file: Any, name: str, means: Means) -> None:
    kind, node = means.below(9), file[name]
    value = node[()] if isinstance(node, h5py.Dataset) else None
    attributes = list(node.attrs) or None
    if kind == 0 and attributes:
        key = means.one(attributes)
        node.attrs[key] = means.one((-1, 2**60, np.nan, "x", np.zeros(5), b"\xff\xfe", np.zeros(0)))
        return
    if kind == 1 and value is not None and isinstance(value, np.ndarray) and value.dtype == np.uint8:
        inner = means.one((truncated, bits_flipped, bytes_changed, length_changed))(value.tobytes(), means)
        del file[name]
        file[name] = np.frombuffer(inner or b"", np.uint8)
        return
    del file[name]
    if kind == 2:
        file[name] = h5py.ExternalLink(str(means.canary / "secret.txt"), "/x")
    elif kind == 3:
        file[name] = h5py.SoftLink(means.one((f"/{name}", "/nowhere", "/")))
    elif kind == 4:
        file.create_dataset(
            name, shape=means.one(((1 << 40,), (100_000, 100_000), (1 << 29,))), dtype="u1", chunks=True
        )
    elif kind == 5:
        file.create_dataset(name, shape=(16,), dtype="u1", external=[(str(means.canary / "secret.txt"), 0, 16)])
    elif kind == 6:
        file.create_group(f"{name}/x")
    elif kind == 7:
        file[name] = means.one(
            (np.nan, np.zeros(0), np.zeros((2, 3)), "x", b"{", np.array([np.inf] * 15), "[" * 100_000)
        )
    elif isinstance(value, np.ndarray) and value.size:
        file[name] = means.one((value[None], value.astype("f4") * np.nan, value.reshape(-1)[:-1], value.astype("S8")))


def sqlite(data: bytes, means: Means) -> bytes | None:
    """A message's bytes are damaged, or a topic has another name or kind."""
    if not data.startswith(MAGICS["sqlite"]):
        return None
    handle, path = tempfile.mkstemp(suffix=".db3")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        base = sqlite3.connect(path)
        try:
            kind = means.below(4)
            if kind == 0:
                word = means.one(HOSTILE_WORDS[:40]).encode("utf-8", "replace").decode()
                column = means.one(("name", "type", "serialization_format"))
                topic = means.one(base.execute("SELECT id FROM topics ORDER BY id").fetchall())[0]
                base.execute(f"UPDATE topics SET {column} = ? WHERE id = ?", (word, topic))
            else:
                rows = base.execute("SELECT id FROM messages ORDER BY id").fetchall()
                row = means.one(rows)[0]
                content = base.execute("SELECT data FROM messages WHERE id = ?", (row,)).fetchone()[0]
                change = means.one((truncated, bits_flipped, bytes_changed, length_changed, length_changed))
                base.execute("UPDATE messages SET data = ? WHERE id = ?", (change(bytes(content), means), row))
                if kind == 1:
                    time = means.one((-1, 0, 2**63 - 1, -(2**63)))
                    base.execute("UPDATE messages SET timestamp = ? WHERE id = ?", (time, row))
            base.commit()
        except sqlite3.DatabaseError:
            return None
        finally:
            base.close()
        with open(path, "rb") as file:
            return file.read()
    finally:
        os.unlink(path)


def safetensors(data: bytes, means: Means) -> bytes | None:
    """The header says other places, shapes, kinds or figures."""
    from fuzzing.faults.words import number_changed, value_changed, word_changed

    size = int.from_bytes(data[:8], "little")
    if not 0 < size < len(data) - 8 or data[8:9] != b"{":
        return None
    header = means.one((value_changed, value_changed, number_changed, word_changed))(data[8 : 8 + size], means)
    return None if header is None else len(header).to_bytes(8, "little") + header + data[8 + size :]


def parquet(data: bytes, means: Means) -> bytes | None:
    """A table with other columns, other kinds of them, or other values."""
    if not data.startswith(MAGICS["parquet"]):
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(data))
    at = means.below(table.num_columns)
    name, kind = table.column_names[at], means.below(6)
    rows = table.num_rows
    if kind == 0:
        table = table.remove_column(at)
    elif kind == 1:
        table = table.rename_columns(
            [means.one(HOSTILE_WORDS[:40]) if n == at else c for n, c in enumerate(table.column_names)]
        )
    else:
        values: Any = means.one((
            [None] * rows, ["x"] * rows, [[1, 2]] * rows, [-1] * rows, [2**62] * rows, [float("nan")] * rows,
            [{"a": 1}] * rows, [b"\xff"] * rows, [True] * rows, list(range(rows))[::-1], [0] * rows,
        ))  # fmt: skip
        table = table.set_column(at, name, pa.array(values))
    if kind == 5:
        table = table.slice(0, 0)
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def mcap(data: bytes, means: Means) -> bytes | None:
    """A recording whose checksums fit, in which a message, a topic's name, its coding or a time is damaged."""
    if not data.startswith(MAGICS["mcap"]):
        return None
    from mcap.reader import make_reader
    from mcap.writer import CompressionType, Writer

    reader = make_reader(io.BytesIO(data))
    found = [(c, m) for _, c, m in reader.iter_messages(log_time_order=False)]
    buffer = io.BytesIO()
    writer = Writer(buffer, compression=means.one((CompressionType.ZSTD, CompressionType.NONE, CompressionType.LZ4)))
    writer.start()
    hit, kind = means.below(len(found)), means.below(6)
    ids: dict[int, int] = {}
    for number, (channel, message) in enumerate(found):
        if channel.id not in ids:
            strange = kind == 0 and channel.id == found[hit][0].id
            topic = means.one(HOSTILE_WORDS[:40]) if strange else channel.topic
            coding = means.one(("json", "dzp", "jpeg", "cdr", "x")) if kind == 1 else channel.message_encoding
            ids[channel.id] = writer.register_channel(topic, coding, schema_id=0, metadata=channel.metadata)
        body, log, publish = message.data, message.log_time, message.publish_time
        if number == hit and kind in (2, 3):
            body = means.one((truncated, bits_flipped, bytes_changed, length_changed))(body, means) or b""
        elif number == hit and kind == 4:
            log, publish = (means.one((0, 1, 2**63 - 1, 2**63, 2**64 - 1)) for _ in range(2))
        for _ in range(3 if kind == 5 and number == hit else 1):
            writer.add_message(ids[channel.id], log, body, publish, message.sequence)
    writer.finish()
    return buffer.getvalue()


def matlab(data: bytes, means: Means) -> bytes | None:
    """A deflated array is damaged within, or swells."""
    if data[:6] != b"MATLAB" or len(data) < 136:
        return None
    at = 128
    kind, size = np.frombuffer(data, "<u4", 2, at).tolist()
    if kind != 15:
        return None
    try:
        inner = zlib.decompress(data[at + 8 : at + 8 + size])
    except zlib.error:
        return None
    if means.rng.random() < 0.2:
        packed = zlib.compress(inner + bytes(1 << 26), 1)
    else:
        changed = means.one((truncated, bits_flipped, bytes_changed, length_changed))(inner, means)
        packed = zlib.compress(changed or b"")
    return data[:at] + np.array([15, len(packed)], "<u4").tobytes() + packed + data[at + 8 + size :]


CONTAINERS: Final[dict[str, tuple[Fault, ...]]] = {
    "within checksums": (hdf5, sqlite, safetensors, parquet, mcap, matlab),
}
