"""A bundle problem as arrays: views sorted by instant, lenses with their priors, cameras tied into rigid groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from calibration.board_view import BoardView
from calibration.bundle.problem import BundleProblem, DevicePair, TimingPrior, intrinsics_of
from calibration.errors import CalibrationError
from geometry.rigid import inverse

EXPOSED_AT_ONCE = TimingPrior(offset_sigma_s=0.0, readout_sigma_s=0.0)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Layout:
    """What stays the same while a bundle problem is solved. Cameras and instants are numbered."""

    names: tuple[str, ...]
    """Of the cameras."""
    instants: tuple[int, ...]
    order: Int[np.ndarray, "views"]
    """Place in `BundleProblem.views` of each view here; here they are sorted by instant."""
    camera: Int[np.ndarray, "views"]
    board: Int[np.ndarray, "views"]
    """Number of the view's instant."""
    first: Int[np.ndarray, "views_and_one"]
    """Where each view's corners begin, and where the last one's end."""
    p_board: Float[np.ndarray, "found 3"]
    q: Float[np.ndarray, "found 2"]
    sigma_px: Float[np.ndarray, "views"]
    velocity: Float[np.ndarray, "found 2"]
    """Pixels a second; 0 where it is not known."""
    row: Float[np.ndarray, "found"]
    """Of the image, as a part of its height, less a half."""
    own_mean: Float[np.ndarray, "cameras 14"]
    """Prior of what is a camera's own wherever it stands: its lens (12, order of INTRINSICS), offset and readout of its
    exposure, seconds."""
    own_information: Float[np.ndarray, "cameras 14"]
    """One over the prior's variance; 0 where the number is free or held."""
    own_free: Bool[np.ndarray, "cameras 14"]
    root: Int[np.ndarray, "cameras"]
    """The camera whose pose carries this one's: itself, or another one in the same housing by an exact pair."""
    T_root_camera: Float[np.ndarray, "cameras 4 4"]
    held: int
    """The root that stays where it is."""
    pairs: tuple[tuple[int, int, DevicePair], ...]
    """The pairs that are not exact, with the numbers of their cameras."""


def lay_out(problem: BundleProblem) -> Layout:
    """The arrays of a problem.

    Raises CalibrationError on a problem that is not whole: a camera, instant or corner that is not there, a skewed K,
    a prior that no lens can have, or cameras that nothing ties to the rest.
    """
    names = tuple(problem.cameras)
    number = {name: n for n, name in enumerate(names)}
    _check(problem, number)
    order = np.array(sorted(range(len(problem.views)), key=lambda n: problem.views[n].instant), np.int64)
    views = [problem.views[n] for n in order]
    instants = tuple(sorted({view.instant for view in views}))
    boards = {instant: n for n, instant in enumerate(instants)}
    priors = [start.prior for start in problem.cameras.values()]
    timings = [problem.timings.get(name, EXPOSED_AT_ONCE) for name in names]
    sigma = np.array(
        [[*prior.sigma, timing.offset_sigma_s, timing.readout_sigma_s] for prior, timing in zip(priors, timings)],
        np.float64,
    )
    with np.errstate(divide="ignore"):
        information = np.where(sigma > 0, 1 / sigma**2, 0.0)
    heights = {name: start.camera.height for name, start in problem.cameras.items()}
    root, T_root_camera = _rigid_groups(problem, number)
    camera = np.array([number[view.camera] for view in views], np.int64)
    held = number[problem.held] if problem.held else int(np.bincount(camera, minlength=len(names)).argmax())
    layout = Layout(
        names=names,
        instants=instants,
        order=order,
        camera=camera,
        board=np.array([boards[view.instant] for view in views], np.int64),
        first=np.cumsum([0, *(len(view.ids) for view in views)]),
        p_board=np.concatenate([problem.corners[view.ids] for view in views]).astype(np.float64),
        q=np.concatenate([view.q for view in views]).astype(np.float64),
        sigma_px=np.array([view.sigma_px for view in views], np.float64),
        velocity=np.concatenate([_velocity(view) for view in views]),
        row=np.concatenate([(view.q[:, 1] + 0.5) / heights[view.camera] - 0.5 for view in views]).astype(np.float64),
        own_mean=np.array([[*prior.mean, timing.offset_s, timing.readout_s] for prior, timing in zip(priors, timings)]),
        own_information=information,
        own_free=sigma > 0,
        root=root,
        T_root_camera=T_root_camera,
        held=int(root[held]),
        pairs=tuple((number[p.a], number[p.b], p) for p in problem.pairs if not _exact(p)),
    )
    _check_tied(layout)
    return layout


def start_own(problem: BundleProblem, layout: Layout) -> Float[np.ndarray, "cameras 14"]:
    """Lenses and timings to begin with: the start's lens, but the prior's mean where a number is held."""
    own = layout.own_mean.copy()
    own[:, :12] = [intrinsics_of(start.camera) for start in problem.cameras.values()]
    return np.where(layout.own_free, own, layout.own_mean)


def _velocity(view: BoardView) -> np.ndarray:
    return np.zeros((len(view.ids), 2)) if view.velocity is None else np.nan_to_num(view.velocity).astype(np.float64)


def _exact(pair: DevicePair) -> bool:
    return pair.sigma_rad == 0 and pair.sigma_m == 0


def _check(problem: BundleProblem, number: dict[str, int]) -> None:
    if not problem.views:
        raise CalibrationError("no view of a board: nothing to adjust; record the board with every camera")
    if problem.held and problem.held not in number:
        raise CalibrationError(
            f"the camera to hold, '{problem.held}', is none of {', '.join(number)}; name one of them"
        )
    for view in problem.views:
        _check_view(view, problem, number)
    if unknown := [name for name in problem.timings if name not in number]:
        raise CalibrationError(f"a timing names '{unknown[0]}', which is none of {', '.join(number)}")
    for pair in problem.pairs:
        for name in (pair.a, pair.b):
            if name not in number:
                raise CalibrationError(f"a device pair names '{name}', which is none of {', '.join(number)}")
        if not _exact(pair) and not (pair.sigma_rad > 0 and pair.sigma_m > 0):
            raise CalibrationError(
                f"pair of '{pair.a}' and '{pair.b}': sigma {pair.sigma_rad} rad and {pair.sigma_m} m; "
                "give two positive numbers, or 0 for both"
            )
    for name, start in problem.cameras.items():
        if start.camera.K[0, 1] != 0:
            raise CalibrationError(f"camera '{name}': its K is skewed by {start.camera.K[0, 1]}; give one without skew")
        mean, sigma = start.prior.mean, start.prior.sigma
        if not (np.isfinite(mean).all() and (sigma >= 0).all()):
            raise CalibrationError(
                f"camera '{name}': prior of mean {mean} and sigma {sigma}; give finite means, sigma >= 0"
            )


def _check_view(view: BoardView, problem: BundleProblem, number: dict[str, int]) -> None:
    here = f"view of '{view.camera}' at instant {view.instant}"
    if view.camera not in number:
        raise CalibrationError(f"{here}: the problem has no such camera, it has {', '.join(number)}")
    if view.instant not in problem.T_world_board:
        raise CalibrationError(f"{here}: no place of the board to begin with; leave the view out or place the board")
    if len(view.ids) == 0 or view.ids.min() < 0 or view.ids.max() >= len(problem.corners):
        raise CalibrationError(f"{here}: corners {view.ids} of a board that has {len(problem.corners)}")
    if len(view.q) != len(view.ids):
        raise CalibrationError(f"{here}: {len(view.ids)} ids, but {len(view.q)} pixels; find its corners again")
    if not (np.isfinite(view.q).all() and view.sigma_px > 0):
        raise CalibrationError(f"{here}: pixels that are not finite, or sigma {view.sigma_px} px; leave the view out")


def _rigid_groups(problem: BundleProblem, number: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Root of each camera, and its place there, from the exact pairs."""
    root, T_root_camera = np.arange(len(number)), np.tile(np.eye(4), (len(number), 1, 1))
    for pair in filter(_exact, problem.pairs):
        a, b = number[pair.a], number[pair.b]
        if root[a] == root[b]:
            raise CalibrationError(f"exact pairs tie '{pair.a}' and '{pair.b}' twice; leave one of them out")
        T_ra_rb = T_root_camera[a] @ pair.T_a_b @ inverse(T_root_camera[b])
        moved = root == root[b]
        T_root_camera[moved] = T_ra_rb @ T_root_camera[moved]
        root[moved] = root[a]
    return root, T_root_camera


def _check_tied(layout: Layout) -> None:
    """Raises CalibrationError when some cameras share no board and no housing with the others."""
    group = layout.root.copy()

    def join(cameras: Sequence[int]) -> None:
        joined = group[list(cameras)]
        group[np.isin(group, joined)] = joined.min()

    for a, b, _ in layout.pairs:
        join([a, b])
    for board in range(len(layout.instants)):
        join(layout.camera[layout.board == board].tolist())
    counts = Counter(group.tolist())
    if len(counts) > 1:
        largest = counts.most_common(1)[0][0]
        loose = ", ".join(f"'{name}'" for name, of in zip(layout.names, group) if of != largest)
        raise CalibrationError(
            f"no board seen together and no device pair ties {loose} to the other cameras; "
            "leave them out, or record the board where they see it together with another"
        )
