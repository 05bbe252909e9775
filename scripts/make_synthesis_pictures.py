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


def main(dataset: Annotated[Positional[Path], tyro.conf.arg(metavar="DATASET")], folder: Path = DOCS) -> int:
    """Write synthesis_samples.jpg and synthesis_statistics.jpg.

    Args:
        dataset: A data set with finished images and labels.
        folder: Where the pictures go.
    """
    try:
        _write(folder / "synthesis_samples.jpg", contact_sheet(dataset), quality=80)
        _write(folder / "synthesis_statistics.jpg", histogram_sheet(statistics(dataset)), quality=85)
    except HpsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _write(path: Path, picture: np.ndarray, quality: int) -> None:
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    print(path)


if __name__ == "__main__":
    sys.exit(tyro.cli(main))
