"""Makes the pictures of docs/synthesis.md of a finished data set: python scripts/make_synthesis_pictures.py DATASET."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import tyro
from tyro.conf import Positional

from hps.errors import HpsError
from hps.synthesis.report.charts import histogram_sheet
from hps.synthesis.report.contact_sheet import contact_sheet
from hps.synthesis.report.statistics import statistics

DOCS = Path(__file__).parents[1] / "docs"
WIDTH = 1760
"""Of the samples' sheet, pixels: keypoints can be told apart, and the file stays below 600 kB."""


def main(dataset: Annotated[Positional[Path], tyro.conf.arg(metavar="DATASET")], folder: Path = DOCS) -> int:
    """Write synthesis_samples.jpg and synthesis_statistics.jpg.

    Args:
        dataset: A data set with finished images and labels.
        folder: Where the pictures go.
    """
    try:
        _write(folder / "synthesis_samples.jpg", _as_wide(contact_sheet(dataset), WIDTH), quality=76)
        _write(folder / "synthesis_statistics.jpg", histogram_sheet(statistics(dataset)), quality=85)
    except HpsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _write(path: Path, picture: np.ndarray, quality: int) -> None:
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    print(f"{path}: {path.stat().st_size // 1000} kB")


def _as_wide(picture: np.ndarray, width: int) -> np.ndarray:
    return cv2.resize(
        picture, (width, round(picture.shape[0] * width / picture.shape[1])), interpolation=cv2.INTER_AREA
    )


if __name__ == "__main__":
    sys.exit(tyro.cli(main))
