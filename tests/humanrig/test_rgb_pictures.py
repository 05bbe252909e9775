"""Photographs as files: which way up, how many bits, and what lies under transparency."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from humanrig.errors import HumanrigError
from humanrig.estimating.rgb.picture_file import GREY, read_picture

SCENE = np.random.default_rng(3).integers(0, 255, (48, 64, 3)).astype(np.uint8)
SCENE[:24, :32] = (250, 20, 20)
TURNS = {  # how a viewer shows what a camera stored (CIPA DC-008: rows and columns begin where)
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


@pytest.mark.parametrize("orientation", sorted(TURNS))
def test_a_picture_is_turned_as_its_exif_data_say(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "p.png"
    Image.fromarray(SCENE).save(path, exif=exif)
    np.testing.assert_array_equal(read_picture(path).image, TURNS[orientation](SCENE))


def test_sixteen_bits_become_eight_and_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), SCENE[..., ::-1].astype(np.uint16) * 257)
    found = read_picture(path)
    np.testing.assert_array_equal(found.image, SCENE)
    assert any("16 bits" in sentence for sentence in found.told)


def test_what_is_transparent_is_grey_and_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    alpha = np.full((48, 64, 1), 255, np.uint8)
    alpha[30:] = 0
    Image.fromarray(np.concatenate([SCENE, alpha], 2)).save(path)
    found = read_picture(path)
    np.testing.assert_array_equal(found.image[:30], SCENE[:30])
    assert (found.image[30:] == GREY).all()
    assert any("transparent" in sentence for sentence in found.told)
    Image.fromarray(np.concatenate([SCENE, 0 * alpha + 255], 2)).save(path)
    assert not read_picture(path).told


def test_grey_pictures_are_told_and_palettes_read(tmp_path: Path) -> None:
    Image.fromarray(SCENE[..., 0]).save(tmp_path / "g.png")
    found = read_picture(tmp_path / "g.png")
    assert found.image.shape == (48, 64, 3)
    assert any("grey" in sentence for sentence in found.told)
    Image.fromarray(SCENE).quantize(8).save(tmp_path / "p.png")
    assert read_picture(tmp_path / "p.png").image.shape == (48, 64, 3)


def test_a_picture_cut_off_anywhere_is_refused_or_whole(tmp_path: Path) -> None:
    path = tmp_path / "p.jpg"
    Image.fromarray(SCENE).save(path)
    whole = path.read_bytes()
    refused = 0
    for length in range(0, len(whole) - 2, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(HumanrigError):
            read_picture(path)
        refused += 1
    assert refused > 10
