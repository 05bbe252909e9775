"""The pass that makes the set's clouds: those of `humanrig synthesize`, with what results are told apart by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from hps.benchmark.points.set.seen_skin import SkinSight
from hps.synthesis.clouds.cloud import LabelledCloud
from hps.synthesis.clouds.clouds_pass import ENDING, CloudsPass
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.labelling.schema import F32, column
from hps.synthesis.production.factory import BODIES, KINDS, Factory, PassKind, StageScene, Workplace
from hps.synthesis.sample import Pass, Sample
from hps.synthesis.staging.stage import Stage
from hps.synthesis.staging.staged import StagedScene

VERSION: Final = 1
"""Raised when these columns are worked out differently."""
COSTUMES: Final = "costumes"
"""Folder of clothes in the set's; it may be removed when the set is made."""
FIELDS: Final = (
    column("visible_share", F32, "share of the naked skin's area that the cloud's cameras see, clothes aside"),
    column("occluded_share", F32, "share of what they would see of the person alone that they do not see"),
    column("cloth_mm", F32, "mean distance of the person's points from the naked skin; NaN without points"),
)


class CloudsWithAttributes(CloudsPass):
    """Clouds and their rows as of CloudsPass, and FIELDS in each row."""

    schema: ClassVar[pa.Schema] = pa.schema([*CloudsPass.schema, *FIELDS], CloudsPass.schema.metadata)

    def samples(self, staged: StagedScene) -> Iterator[Sample]:
        """See CloudsPass."""
        sight = SkinSight(staged)
        for sample in super().samples(staged):
            cloud = LabelledCloud.from_bytes(sample.files[ENDING])
            rows = []
            for row in sample.rows:
                visible, occluded = sight.shares(row["frame"], row["cameras"], row["actor"])
                mine = (cloud.mask == row["actor"]) & (cloud.actor == row["actor"])
                away = np.linalg.norm(cloud.skin_offset[mine].astype(np.float64), axis=1)
                cloth_mm = 1e3 * float(away.mean()) if len(away) else float("nan")
                rows.append(row | {"visible_share": visible, "occluded_share": occluded, "cloth_mm": cloth_mm})
            yield replace(sample, rows=tuple(rows))


def set_factory(config: SynthesisConfig) -> Factory:
    """What makes the set's parts."""
    kind = PassKind(name="clouds", version=_version, settings=KINDS["clouds"].settings, make=_make, colors=False)
    return Factory(kinds=(kind,), stage=_stage)


def _stage(place: Workplace, colors: bool) -> StageScene:
    """With one wardrobe for all data sets of the set: many show the same people."""
    bodies, costumes = place.folder / BODIES, place.folder.parent / COSTUMES
    return Stage(bodies, place.model, renderer=place.config.renderer, colors=colors, costumes=costumes).scene


def _version() -> int:
    return 1000 * VERSION + CloudsPass.version


def _make(place: Workplace) -> Pass:
    return CloudsWithAttributes(place.config)
