"""What an instant adds to its sequence's texture: real changes stay, noise goes."""

import numpy as np
import pytest

from texture.blending import residual_kernels as kernels
from texture.blending.residual import bands, residual_noise, with_residual
from texture.layout.atlas import Atlas
from texture.painting.blend import Blend

NOISE = 3.0


@pytest.fixture
def atlas(painted):
    mesh = painted.globe(rows=16, columns=32)
    return Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, 192)


def print_on(atlas):
    """A printed fabric: coarse and fine colours."""
    row, column = np.divmod(atlas.flat, atlas.size)
    return np.stack([120 + 50 * np.sin(column / 3), 130 + 40 * (row % 9 < 4), 90 + 0 * row], -1)


def seen(atlas, colors, rng, weight=0.25):
    noisy = colors + rng.normal(0, NOISE, colors.shape)
    return Blend(colors=np.clip(noisy, 0, 255).astype(np.float32), weight=np.full(len(atlas), weight, np.float32))


def told(atlas, rng):
    """The sequence and its noise, from instants at which nothing changes."""
    plain = print_on(atlas)
    return np.rint(plain).astype(np.uint8), residual_noise(
        atlas, np.rint(plain).astype(np.uint8), [(seen(atlas, plain, rng), seen(atlas, plain, rng)) for _ in range(3)]
    )


def test_a_still_person_does_not_flicker(atlas):
    rng = np.random.default_rng(0)
    sequence, noise = told(atlas, rng)
    # rounding to whole levels adds 1/12 to the square of 3 levels; the medians of 500 vertices are good to a few %
    assert np.median(noise.fine) == pytest.approx(NOISE**2, rel=0.15)
    instants = np.stack([with_residual(atlas, seen(atlas, print_on(atlas), rng), sequence, noise) for _ in range(6)])
    assert instants.std(0).mean() < 0.3  # of 3 levels that each instant was off


def test_shadows_and_wrinkles_stay(atlas):
    rng = np.random.default_rng(0)
    sequence, noise = told(atlas, rng)
    row, column = np.divmod(atlas.flat, atlas.size)
    shadow, wrinkle = row < atlas.size // 3, (row > atlas.size // 2) & (column % 8 < 3)
    changed = print_on(atlas) - 20.0 * shadow[:, None] + 30.0 * (wrinkle & (column < atlas.size // 2))[:, None]
    image = with_residual(atlas, seen(atlas, changed, rng), sequence, noise).astype(float)
    gone = np.abs(image - changed).mean(-1)
    assert gone[shadow].mean() < 2.5  # of 20 levels; the noise itself is 2.4 in the mean
    assert gone[wrinkle & (column < atlas.size // 2)].mean() < 6  # of 30
    calm = (row > atlas.size // 2) & (column > atlas.size * 2 // 3)
    assert gone[calm].mean() < 0.6


def test_what_no_camera_sees_is_the_sequences(atlas):
    sequence, noise = told(atlas, np.random.default_rng(0))
    blind = Blend(colors=np.zeros((len(atlas), 3), np.float32), weight=np.zeros(len(atlas), np.float32))
    np.testing.assert_array_equal(with_residual(atlas, blind, sequence, noise), sequence)


def test_without_pairs_only_roundings_are_noise(atlas):
    noise = residual_noise(atlas, np.rint(print_on(atlas)).astype(np.uint8), [])
    assert noise.fine.max() < 1


def test_kernels_are_those_of_numpy(atlas):
    rng = np.random.default_rng(1)
    count, half = int(atlas.faces.max()) + 1, np.float32(0.02)
    colors, base = (rng.integers(0, 256, (len(atlas), 3)).astype(np.uint8) for _ in range(2))
    weight = np.where(rng.random(len(atlas)) < 0.2, 0, rng.random(len(atlas))).astype(np.float32)
    found = bands(atlas, colors, base, weight)
    some = slice(None, None, 3)
    corner, bary, trust = atlas.faces[atlas.face], atlas.bary, weight / (weight + half)
    apart = colors.astype(float) - base
    share, mean, energy = np.zeros(count), np.zeros((count, 3)), np.zeros(count)
    for k in range(3):
        np.add.at(share, corner[some, k], (bary[:, k] * trust)[some])
        np.add.at(mean, corner[some, k], ((bary[:, k] * trust)[:, None] * apart)[some])
    mean /= np.maximum(share, 1e-9)[:, None]
    left = apart - np.einsum("nk,nkc->nc", bary, mean[corner])
    for k in range(3):
        np.add.at(energy, corner[some, k], (bary[:, k] * trust * np.square(left).mean(-1))[some])
    np.testing.assert_allclose(found.coarse, mean, atol=2e-2)  # sums of float32
    np.testing.assert_allclose(found.fine, energy / np.maximum(share, 1e-9), rtol=2e-3, atol=1e-2)
    keep = [rng.random(count).astype(np.float32) for _ in range(2)]
    result = np.empty_like(base)
    kernels.compose(atlas.face, bary, atlas.faces, colors, base, weight, half, found.coarse, *keep, result)
    coarse = np.einsum("nk,nkc->nc", bary, (keep[0][:, None] * mean)[corner])
    fine = trust * (bary * keep[1][corner]).sum(-1)
    expected = base + coarse + fine[:, None] * left
    assert np.abs(result - np.rint(np.clip(expected, 0, 255))).max() <= 1
