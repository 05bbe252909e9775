from __future__ import annotations

from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from hand_made_table import hand_made

from hps.errors import HpsError
from hps.synthesis.scenes.files import KINDS, read_tables, write_tables


@pytest.fixture
def table():
    made = hand_made()
    odd = replace(made.cameras[0], fx=1e-17 + 1 / 3, x_m=-0.1, qw=0.1 + 0.2)
    return replace(made, cameras=(odd, *made.cameras[1:]))


@pytest.mark.parametrize("kind", KINDS)
def test_tables_come_back_to_the_last_bit(tmp_path, table, kind):
    write_tables(tmp_path, table, kind)
    assert read_tables(tmp_path).digest == table.digest
    assert read_tables(tmp_path).cameras[0].fx == table.cameras[0].fx


def test_kinds_may_be_mixed_and_rows_in_any_order(tmp_path, table):
    write_tables(tmp_path, table, "parquet")
    csv = tmp_path / "csv"
    write_tables(csv, table, "csv")
    lines = (csv / "actors.csv").read_text().splitlines()
    (tmp_path / "actors.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    (tmp_path / "actors.parquet").unlink()
    assert read_tables(tmp_path).digest == table.digest


def test_one_kind_replaces_the_other(tmp_path, table):
    write_tables(tmp_path, table, "csv")
    write_tables(tmp_path, table, "parquet")
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".parquet"] * 5


def edited(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("cameras", '"fx"', '"focal"', "cameras.csv: column 'fx' is missing; cameras.csv: column 'focal' is unknown"),
        ("cameras", '"fy"', '"fx"', "column 'fx' is there twice"),
        ("people", '"mass_kg"', '"mass_kg","shoes"', "people.csv: cannot be read"),
        ("scenes", ",2,10,", ",two,10,", "scenes.csv row 1: frames is 'two', not a whole number"),
        ("scenes", ",2,10,", ",2.5,10,", "scenes.csv row 1: frames is '2.5', not a whole number"),
        ("scenes", ",2,10,", ",2,,", "scenes.csv row 1: rate_hz is nothing, not a number"),
    ],
)
def test_nonsense_in_csv_is_named(tmp_path, table, file, old, new, words):
    write_tables(tmp_path, table, "csv")
    edited(tmp_path / f"{file}.csv", old, new)
    with pytest.raises(HpsError) as caught:
        read_tables(tmp_path)
    assert words in str(caught.value)


def test_files_that_are_missing_doubled_or_damaged(tmp_path, table):
    write_tables(tmp_path, table)
    path = tmp_path / "things.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HpsError, match=r"things\.parquet: cannot be read"):
        read_tables(tmp_path)
    (tmp_path / "things.csv").write_text("scene\n")
    with pytest.raises(HpsError, match="remove the one that is out of date"):
        read_tables(tmp_path)
    path.unlink()
    (tmp_path / "things.csv").unlink()
    with pytest.raises(HpsError, match=r"neither things\.parquet nor things\.csv"):
        read_tables(tmp_path)


def test_wrong_type_in_parquet(tmp_path, table):
    write_tables(tmp_path, table)
    found = pq.read_table(tmp_path / "scenes.parquet")
    index = found.column_names.index("frames")
    pq.write_table(found.set_column(index, "frames", [["2"] * (len(found) - 1) + ["x"]]), tmp_path / "scenes.parquet")
    with pytest.raises(HpsError, match=r"frames is 'x', not a whole number"):
        read_tables(tmp_path)
