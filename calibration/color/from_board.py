"""Exposure and white balance of a rig's cameras from the light of one board that several saw at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from calibration.color.board_patches import PatchLight
from calibration.color_correction import ColorCorrection

ROUNDS = 10
HUBER = 1.5
"""In units of the residuals' robust sigma: a highlight on the paper that one camera alone sees is an outlier."""
SHARED_SIGMA = 0.0025
"""Relative error of a camera's gain that no number of patches takes away: blur, light that is not quite matt. Fifty
instants of the virtual rig leave 0.0026."""
FEWEST_SHARED = 20
"""Patches that a camera must share with others."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ColorSolve:
    """Corrections of the cameras that saw the same things, and the others with the reason."""

    corrections: dict[str, ColorCorrection]
    """By camera. Their mean (of the logarithms) over all cameras changes nothing: the rig's colours are the usual
    camera's."""
    sigma: dict[str, Float[np.ndarray, "3"]]
    """Relative standard deviation of each channel's factor."""
    shared: dict[str, int]
    """Patches, or points, that each camera shared with others."""
    unsolved: dict[str, str]


def colors_from_board(
    lights: Sequence[PatchLight], cameras: Collection[str] = (), *, shared_sigma: float = SHARED_SIGMA
) -> ColorSolve:
    """A factor for each channel of each camera, so that a patch of paper has one colour in all.

    Paper is matt enough that cameras on all sides see its light alike; what one sees otherwise is weighted down. Grey
    paper cannot show how channels mix, so the matrices are diagonal. `cameras` are named as unsolved where they have no
    light at all. `shared_sigma` is the relative error that all of a
    camera's patches have in common.
    """
    names = sorted({light.camera for light in lights} | set(cameras))
    camera = np.concatenate(
        [np.full(len(light.patch), names.index(light.camera)) for light in lights] or [np.empty(0, int)]
    )
    keys = np.concatenate(
        [np.stack([np.full(len(x.patch), x.instant), x.patch], -1) for x in lights] or [np.empty((0, 2), int)]
    )
    logs = np.log(np.concatenate([light.light for light in lights] or [np.empty((0, 3))]).clip(1e-6))
    sigma = np.concatenate([light.sigma for light in lights] or [np.empty(0)])
    _, group = np.unique(keys, axis=0, return_inverse=True)
    shared_by = np.bincount(group, minlength=1)
    used = shared_by[group] > 1
    camera, group, logs, weight = camera[used], group[used].ravel(), logs[used], 1 / sigma[used] ** 2
    shared = {name: int((camera == n).sum()) for n, name in enumerate(names)}
    unsolved = {
        name: f"camera '{name}' sees {count} patches that others see too, at least {FEWEST_SHARED} needed; "
        "show more where it and another camera see it"
        for name, count in shared.items()
        if count < FEWEST_SHARED
    }
    tied = _largest([n for n, name in enumerate(names) if name not in unsolved], camera, group)
    for n, name in enumerate(names):
        if name not in unsolved and n not in tied:
            unsolved[name] = (
                f"camera '{name}' sees nothing that {names[tied[0]]} or the cameras tied to it see; "
                "wave the board between them"
            )
    if not tied:
        return ColorSolve(corrections={}, sigma={}, shared=shared, unsolved=unsolved)
    keep = np.isin(camera, tied)
    number = np.searchsorted(tied, camera[keep])
    _, group = np.unique(group[keep], return_inverse=True)
    gains, sigmas, rms = _gains(number, group, logs[keep], weight[keep], len(tied))
    factors = np.exp(-gains)
    return ColorSolve(
        corrections={names[n]: ColorCorrection(matrix=np.diag(f), rms=r) for n, f, r in zip(tied, factors, rms)},
        sigma={names[n]: np.hypot(s, shared_sigma) for n, s in zip(tied, sigmas)},
        shared=shared,
        unsolved=unsolved,
    )


def _gains(
    camera: Int[np.ndarray, "seen"],
    group: Int[np.ndarray, "seen"],
    logs: Float[np.ndarray, "seen 3"],
    weight: Float[np.ndarray, "seen"],
    count: int,
) -> tuple[Float[np.ndarray, "cameras 3"], Float[np.ndarray, "cameras 3"], list[float]]:
    """Logarithms of the cameras' gains (mean 0), their sigmas and the rest, as light of mean paper."""
    gains, sigma = np.zeros((count, 3)), np.zeros((count, 3))
    left = np.zeros_like(logs)
    w, matrix = weight, np.zeros((count, count))
    for k in range(3):
        robust = np.ones(len(logs))
        for _ in range(ROUNDS):
            w = weight * robust
            # The light of each patch is the weighted mean of what cameras saw of it, so it leaves the equations.
            total = np.bincount(group, w)
            share = w / np.sqrt(total[group])
            across = np.zeros((group.max() + 1, count))
            np.add.at(across, (group, camera), share)
            matrix = np.diag(np.bincount(camera, w, minlength=count)) - across.T @ across
            mean = np.bincount(group, w * logs[:, k]) / total
            right = np.bincount(camera, w * (logs[:, k] - mean[group]), minlength=count)
            gains[:, k] = np.linalg.lstsq(matrix + np.ones((count, count)) / count * matrix.max(), right, rcond=None)[0]
            gains[:, k] -= gains[:, k].mean()
            free = logs[:, k] - gains[camera, k]
            left[:, k] = free - (np.bincount(group, w * free) / total)[group]
            scale = 1.4826 * float(np.median(np.abs(left[:, k]))) + 1e-9
            robust = np.minimum(1.0, HUBER * scale / np.maximum(np.abs(left[:, k]), 1e-12))
        inverse = np.linalg.pinv(matrix, rcond=1e-9, hermitian=True)  # the mean of all gains is no error
        variance = float((w * left[:, k] ** 2).sum()) / max(len(logs) - (group.max() + 1) - count + 1, 1)
        sigma[:, k] = np.sqrt(np.diag(inverse) * variance)
    light = np.exp(logs)
    rms = [float(np.sqrt(np.mean((left[camera == n] * light[camera == n]) ** 2))) for n in range(count)]
    return gains, sigma, rms


def _largest(cameras: Sequence[int], camera: Int[np.ndarray, "seen"], group: Int[np.ndarray, "seen"]) -> list[int]:
    """The most cameras that patches tie together, ascending."""
    if not cameras:
        return []
    used = np.isin(camera, cameras)
    number = np.searchsorted(cameras, camera[used])
    seen = sparse.coo_array(
        (np.ones(len(number)), (group[used], number)), shape=(group.max() + 1, len(cameras))
    ).tocsr()
    _, label = connected_components(seen.T @ seen, directed=False)
    most = np.bincount(label).argmax()
    return [n for n, of in zip(cameras, label) if of == most]
