"""Pictures, depth images and masks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from fuzzing.importer import Importer


def _photographs(folder: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (48, 64, 3)).astype(np.uint8))
    exif = Image.Exif()
    exif[274], exif[271], exif[41989] = 6, "maker", 28
    image.save(folder / "a.jpg", exif=exif)
    image.save(folder / "b.jpg", progressive=True, exif=exif)
    image.save(folder / "c.png", exif=exif)
    image.convert("P").save(folder / "d.png")
    image.save(folder / "e.webp", exif=exif)
    image.save(folder / "f.tiff", compression="tiff_lzw")
    image.convert("L").save(folder / "g.png")


def _read_picture(path: Path, to: Path) -> None:
    from hps.rgb.field_of_view.exif import read_exif
    from humanrig.estimating.rgb.picture_file import read_picture

    read_exif(path)
    read_picture(path)


def _depths(folder: Path) -> None:
    import cv2

    rng = np.random.default_rng(0)
    cv2.imwrite(str(folder / "depth.png"), rng.integers(0, 5000, (24, 32)).astype(np.uint16))


def _read_depth(path: Path, to: Path) -> None:
    from capture.importers.phone_session import read_depth_png
    from hps.datasets.depth_cloud import read_depth_png as read_depth_of_dataset
    from humanrig.estimating.depth_image import read_depth_image

    for read in (read_depth_image, read_depth_of_dataset, read_depth_png):
        failure = None
        try:
            read(path)
        except Exception as error:
            from humanrig.expected_errors import expected_errors

            if not isinstance(error, expected_errors()):
                raise
            failure = error
    if failure is not None:
        raise failure


def _masks(folder: Path) -> None:
    import cv2

    mask = np.zeros((24, 32), np.uint8)
    mask[4:20, 8:20] = 1
    cv2.imwrite(str(folder / "mask.png"), mask)


def _read_mask(path: Path, to: Path) -> None:
    from registration.masks.files import read_mask, read_people

    read_people(path)
    read_mask(path, 1)


IMPORTERS: Final = (
    Importer(name="photograph", reads="JPEG, PNG, WebP and TIFF with EXIF", read=_read_picture, seeds=_photographs),
    Importer(name="depth_image", reads="depth images, 16-bit PNG", read=_read_depth, seeds=_depths),
    Importer(name="mask", reads="masks of people, PNG", read=_read_mask, seeds=_masks),
)
