"""Loads the estimator of pictures with depth: the point estimator and the estimator of pictures that come with it."""

from __future__ import annotations

from pathlib import Path

from body.loading import load_body_model
from body.model import BodyModel
from hps.points.loading import DEFAULT
from hps.points.loading import load as load_points
from hps.rgb.fitting.who import Who
from hps.rgb.loading import load as load_pictures
from hps.rgbd.config import FusionConfig
from hps.rgbd.estimator import RgbdEstimator


def load(
    points: str | Path = DEFAULT,
    pictures: Path | str | None = None,
    *,
    body: BodyModel | None = None,
    config: FusionConfig | None = None,
) -> RgbdEstimator:
    """The estimator; `points` is a size or a file of weights (`hps.points.load`), `pictures` a lifter's file.

    body: the body model that is fitted; by default the one that is set (docs/body_model.md). Raises HpsError for
    weights that are missing, damaged, or trained for another body.
    """
    body = load_body_model() if body is None else body
    pictures_alone = load_pictures(pictures, body=body, who=Who(children=True))  # depth tells how large people are
    return RgbdEstimator(load_points(points, body=body), pictures_alone, config)
