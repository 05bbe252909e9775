"""Columns of all finished labels of a data set, over its shards and splits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hps.errors import HpsError
from hps.synthesis.production.factory import SHARDS

TOLD_BY: Final = ("labels", "clouds")
"""Passes whose rows tell of people; the first that is there is taken."""


def read_labels(folder: Path, columns: Sequence[str]) -> dict[str, np.ndarray]:
    """Arrays of those of the columns that the rows have, (rows,) or (rows, length); empty without finished rows.

    Of clouds, rows in the world's frame are left out: they have no camera. Raises HpsError for a file that is damaged.
    """
    for name in TOLD_BY:
        tables = [_table(path, columns) for path in sorted((folder / SHARDS).glob(f"*.{name}.json"))]
        if sum(map(len, tables)):
            table = pa.concat_tables(tables)
            return {column: _array(table.column(column)) for column in table.column_names}
    return {}


def _table(manifest: Path, columns: Sequence[str]) -> pa.Table:
    path = manifest.with_suffix(".parquet")
    try:
        file = pq.ParquetFile(path)
        table = file.read([column for column in columns if column in file.schema_arrow.names])
    except (OSError, pa.ArrowException) as error:
        raise HpsError(
            f"{path} cannot be read ({' '.join(str(error).split())}); make it again: humanrig synthesize --verify"
        ) from None
    if "camera" in table.column_names:
        table = table.filter(pc.field("camera") >= 0)
    return table


def _array(column: pa.ChunkedArray) -> np.ndarray:
    whole = column.combine_chunks()
    if pa.types.is_fixed_size_list(column.type):
        return whole.flatten().to_numpy(zero_copy_only=False).reshape(len(whole), column.type.list_size)
    if pa.types.is_list(column.type):
        found = np.empty(len(whole), object)
        found[:] = whole.to_pylist()
        return found
    return whole.to_numpy(zero_copy_only=False)
