"""One small data set of the set, made without any download: attributes, resuming, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from body.motion.library import MotionLibrary
from body.motion.resample import resample
from body.motion.standing import STANDING, standing_clip
from hps.benchmark.points.set.attributes import NAME, read_attributes
from hps.benchmark.points.set.digests import Sameness, choices_digest
from hps.benchmark.points.set.make_part import make_part
from hps.benchmark.points.set.part_table import PartRow
from hps.datasets.synthetic import open_synthetic
from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.scenes.files import FOLDER, read_tables

pytestmark = pytest.mark.slow
ROW = PartRow(
    name="small-test",
    part="small",
    split="test",
    motions="library",
    choices_sha256="",
    table_sha256="",
    config=SynthesisConfig(
        people=2, appearances=1, frames=2, views=2, cloud_views=(1, 2), shares=(0, 0, 1), bodies="bank", children=0,
        groups=1.0, crowds=0.0, furniture=0, passes=("clouds",), cloud_points=1000, seed=3,
    ),
)  # fmt: skip


class Standing(MotionLibrary):
    def draw(self, rng, split, seconds, rate_hz, recipe=None, within_m=None):
        clip = resample(standing_clip(str(rng.choice(sorted(STANDING)))), rate_hz, seconds)
        return replace(clip, description={"recipe": "clip", "parts": [{"clip": f"{split}_{clip.name}"}]})


def standing_library() -> MotionLibrary:
    return Standing(entries={})


def test_made_read_and_gone_on_with(tmp_path) -> None:
    assert make_part(tmp_path, ROW, standing_library) is Sameness.UNPUBLISHED
    place = tmp_path / ROW.name
    known = read_attributes(place)
    reader = open_synthetic(place, "test")
    assert set(reader.keys) <= set(known)
    assert len(known) == 2 * 3 * 2  # instants, clouds of an instant, people
    for frame in range(2):
        for actor in range(2):
            one, other, both = (
                known[f"s000000_00{frame}_{cloud}_a0{actor}"]["visible_share"] for cloud in ("c00", "c01", "v02_00")
            )
            assert max(one, other) <= both + 1e-6
            assert both <= one + other + 1e-6
            assert both < 1
    shares = np.array([(row["visible_share"], row["occluded_share"]) for row in known.values()], np.float64)
    assert ((shares >= -1e-6) & (shares <= 1 + 1e-6)).all()

    (place / NAME).unlink()
    before = {path.name: path.stat().st_mtime_ns for path in (place / "shards").glob("*.tar")}
    table = read_tables(place / FOLDER)
    published = replace(ROW, choices_sha256=choices_digest(table), table_sha256=table.digest)
    assert make_part(tmp_path, published, standing_library) is Sameness.EXACT
    assert {path.name: path.stat().st_mtime_ns for path in (place / "shards").glob("*.tar")} == before
    assert read_attributes(place) == known

    with pytest.raises(HpsError, match="other scenes"):
        make_part(tmp_path, replace(published, choices_sha256="0", table_sha256="0"), standing_library)
    with pytest.raises(HpsError, match="other choices"):
        make_part(tmp_path, replace(ROW, config=replace(ROW.config, seed=4)), standing_library)
    (place / NAME).write_bytes(b"PAR1")
    with pytest.raises(HpsError, match="damaged"):
        read_attributes(place)


def test_a_folder_of_something_else_is_left_alone(tmp_path) -> None:
    (tmp_path / ROW.name).mkdir()
    (tmp_path / ROW.name / "thesis.tex").write_text("dear")
    with pytest.raises(HpsError, match=r"thesis\.tex"):
        make_part(tmp_path, ROW, standing_library)
