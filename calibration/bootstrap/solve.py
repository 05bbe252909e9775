"""A rig solved from a moving person's keypoints: pairs, tree, adjustment, metres, upright."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from calibration.bootstrap.adjust import Adjusted, Placed, Sightings, adjust
from calibration.bootstrap.certainty import covariance, joint_groups
from calibration.bootstrap.keypoints import Keypoints
from calibration.bootstrap.metric import DepthScale, Height, metric_scale
from calibration.bootstrap.sides import exchange, find_exchanged, on_grid
from calibration.bootstrap.start import Start, joined, relate_all, triangulate
from calibration.bootstrap.two_views import COUNTS
from calibration.bootstrap.upright import upright
from calibration.bootstrap.verdicts import verdicts_on
from calibration.errors import CalibrationError
from calibration.rig import RigCalibration, Verdict
from geometry.camera import Camera
from geometry.rigid import inverse, rigid

KERNELS = (8.0, 4.0, 2.0, 2.0)
"""Of the robust loss, one adjustment after the other: far reaching at first, while cameras are degrees off."""
GUESSES = (0.8, 1.0, 1.25, 1.6)
"""Of an unknown focal length, as parts of the longer image side: 64, 53, 44 and 35 degrees along it."""
LEAST_AGREED = 0.5
"""Share of a camera's keypoints that must fit the solved joints; one that follows another person is left out."""
FOCAL_SIGMA = 0.2
"""Of the logarithm of a focal length that is not known, about the guess."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BootstrapOptions:
    """How the rig is solved."""

    instants: int = 100
    """At most so many are used, spread over the recording: neighbouring ones err alike and add nothing."""
    focal: str = "given"
    """`given`; `shared`: one unknown focal length for all; `free`: one for each camera. Unknown ones begin at the
    guesses, the cameras' own K is then not read but for the principal point."""
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Bootstrap:
    """The solved rig, and what it was solved from."""

    calibration: RigCalibration
    unsolved: dict[str, str]
    """Cameras that could not be tied to the others, and why."""
    p_world: Float[np.ndarray, "instants joints 3"]
    """The joints at the instants that were used, NaN where not known."""
    exchanged: Bool[np.ndarray, "instants cameras parts"]
    """Where the detector took left for right."""
    residual_px: dict[str, float]
    """Median distance of keypoint and joint in each camera."""
    scale_sigma: float
    """Relative uncertainty of the unit."""
    up_sigma: float
    """Uncertainty of the direction of z, radians."""


def bootstrap_rig(
    keypoints: Keypoints,
    cameras: Mapping[str, Camera],
    *,
    scale: Height | DepthScale,
    options: BootstrapOptions = BootstrapOptions(),
) -> RigCalibration:
    """The cameras' places, from the keypoints of a person who moves before them; as `solve_bootstrap`."""
    return solve_bootstrap(keypoints, cameras, scale=scale, options=options).calibration


def solve_bootstrap(
    keypoints: Keypoints,
    cameras: Mapping[str, Camera],
    *,
    scale: Height | DepthScale,
    options: BootstrapOptions = BootstrapOptions(),
) -> Bootstrap:
    """The cameras' places in a metric world with z up, the floor at z = 0 and the person above the origin.

    Of `cameras` (by name) the lens is taken and the place ignored. Cameras that cannot be tied to the rest are named in
    `unsolved` and in a verdict, the others are solved. Raises CalibrationError when a camera's lens is missing, when
    fewer than two cameras can be tied, and when the scale cannot be found.
    """
    if missing := [name for name in keypoints.cameras if name not in cameras]:
        raise CalibrationError(f"no lens is known of {', '.join(missing)}; give their intrinsics, or leave them out")
    if options.focal not in ("given", "shared", "free"):
        raise CalibrationError(f"focal '{options.focal}' is none of given, shared, free")
    kept = keypoints.useful(options.instants)
    used, depth = keypoints.at(kept), scale
    if isinstance(scale, DepthScale):
        depth = replace(scale, z_m=scale.z_m[kept])
    lenses = [cameras[name] for name in keypoints.cameras]
    solved = _solve(used, lenses, options)
    names = tuple(keypoints.cameras[c] for c in solved.start.cameras)
    T, J = len(used.q), len(used.names)
    placed = solved.adjusted.placed
    z_camera = np.full((T, len(lenses), J), np.nan)
    p_camera = np.einsum("cij,pcj->pci", placed.R_camera_world, placed.p_world[:, None] - placed.center)
    z_camera[:, list(solved.start.cameras)] = np.moveaxis(p_camera[..., 2].reshape(T, J, -1), 1, 2)
    agreed = _agreed(solved.adjusted, T, J)
    metres = metric_scale(depth, used.names, np.where(agreed[..., None], _grid(placed, T), np.nan), z_camera)
    placed = placed.scaled(metres.factor)
    turned = upright(used.names, np.where(agreed[..., None], _grid(placed, T), np.nan), placed)
    placed = placed.moved(turned.T_upright_world)
    final = adjust(
        solved.sightings, placed, kernel=KERNELS[-1], iterations=0, focal_sigma=solved.focal_sigma,
        focal_group=solved.focal_group,
    )  # fmt: skip
    poses = covariance(final, solved.sightings, names, joint_groups(used.names), KERNELS[-1], metres.sigma)
    residual = _residuals(final, names)
    unsolved = _unsolved(keypoints.cameras, solved)
    calibrated = {
        name: _camera(lenses[c], solved, n, placed) for n, (name, c) in enumerate(zip(names, solved.start.cameras))
    }
    verdicts: tuple[Verdict, ...] = verdicts_on(
        keypoints.cameras, solved.start, poses, calibrated, residual, unsolved, metres, turned, _grid(placed, T)
    )
    calibration = RigCalibration(
        cameras=calibrated,
        source=f"keypoints of a person at {T} instants, scale from {metres.text}",
        notes=dict.fromkeys(names, "from a person's keypoints: as good as a detector, not as a board"),
        verdicts=verdicts,
        covariance=poses,
    )
    return Bootstrap(
        calibration=calibration,
        unsolved=unsolved,
        p_world=np.where(agreed[..., None], _grid(placed, T), np.nan),
        exchanged=solved.exchanged,
        residual_px=residual,
        scale_sigma=metres.sigma,
        up_sigma=turned.sigma,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    start: Start
    odd: dict[int, float]
    """Cameras that were left out because so small a share of their keypoints fits."""
    sightings: Sightings
    adjusted: Adjusted
    exchanged: np.ndarray
    focal_px: np.ndarray
    """At which the sightings are, of the cameras that could be joined."""
    focal_sigma: np.ndarray
    focal_group: np.ndarray


def _solve(used: Keypoints, lenses: list[Camera], options: BootstrapOptions) -> _Solved:
    if options.focal == "given":
        return _solve_at(used, lenses, np.array([lens.K[0, 0] for lens in lenses]), options)
    sides = np.array([max(lens.width, lens.height) for lens in lenses], float)
    tried = []
    for guess in GUESSES:
        try:
            tried.append(_solve_at(used, lenses, guess * sides, options))
        except CalibrationError:
            continue
    if not tried:
        raise CalibrationError(
            "no focal length ties the cameras together; calibrate the lenses with a board, and give them"
        )
    return max(tried, key=lambda solved: float(solved.adjusted.weights.sum()))


def _solve_at(used: Keypoints, lenses: list[Camera], focal_px: np.ndarray, options: BootstrapOptions) -> _Solved:
    known = options.focal == "given"
    sigma = used.sigma
    m = np.stack([_undistorted(lens, used.q[:, c], focal_px[c], known) for c, lens in enumerate(lenses)], 1)
    everything = on_grid(m, sigma, focal_px)
    pairs, odd = relate_all(everything, np.random.default_rng(options.seed)), dict[int, float]()
    while True:
        start = joined(everything, [pair for pair in pairs if not {pair.a, pair.b} & odd.keys()])
        if start is None:
            seen = ", ".join(
                f"{name} {int(np.isfinite(sigma[:, c]).any(-1).sum())}" for c, name in enumerate(used.cameras)
            )
            raise CalibrationError(
                f"no two cameras share enough keypoints of the person (instants with some: {seen}); record the person "
                "where several cameras see all of it"
            )
        solved = _adjusted(used, start, odd, m, sigma, focal_px, options)
        share = (solved.adjusted.weights > COUNTS).sum(0) / np.maximum(solved.sightings.seen.sum(0), 1)
        worst = int(share.argmin())
        if share[worst] >= LEAST_AGREED or len(share) < 3:
            return solved
        odd[start.cameras[worst]] = float(share[worst])


def _adjusted(
    used: Keypoints, start: Start, odd: dict[int, float], m: np.ndarray, sigma: np.ndarray, focal_px: np.ndarray,
    options: BootstrapOptions,
) -> _Solved:  # fmt: skip
    known, few = options.focal == "given", list(start.cameras)
    m, sigma, focal_px = m[:, few], sigma[:, few], focal_px[few]
    focal_sigma = np.full(len(few), 0.0 if known else FOCAL_SIGMA)
    group = np.zeros(len(few), int) if options.focal == "shared" else np.arange(len(few))
    placed, joint_sigma = start.placed, np.ones(len(used.names))
    exchanged = np.zeros((len(m), len(few), len(used.parts)), bool)
    sightings, adjusted = on_grid(m, sigma, focal_px), None
    for kernel in KERNELS:
        exchanged = find_exchanged(m, sigma * joint_sigma, focal_px, placed, used.mirror, used.parts)
        sides_right = exchange(sigma[..., None], exchanged, used.mirror, used.parts)[..., 0]
        sightings = on_grid(exchange(m, exchanged, used.mirror, used.parts), sides_right * joint_sigma, focal_px)
        placed = replace(placed, p_world=triangulate(sightings, placed))
        adjusted = adjust(sightings, placed, kernel=kernel, focal_sigma=focal_sigma, focal_group=group)
        placed = adjusted.placed
        joint_sigma = joint_sigma * _misfit(adjusted, sightings, len(used.names))
    assert adjusted is not None
    return _Solved(start, odd, sightings, adjusted, exchanged, focal_px, focal_sigma, group)


def _misfit(adjusted: Adjusted, sightings: Sightings, joints: int) -> np.ndarray:
    """By how much each joint's residuals are larger than was told: knees are seen better than toes."""
    r = np.linalg.norm(adjusted.residual_px, axis=-1) / sightings.sigma_px
    r = np.where(adjusted.weights > 0, r, np.nan).reshape(-1, joints, r.shape[1])
    views = np.maximum((np.isfinite(r)).sum(-1), 2)
    r = r / np.sqrt(1 - 1.5 / views)[..., None]  # each point took three freedoms of two a view
    with np.errstate(all="ignore"):
        typical = np.array([np.nanmedian(r[:, j]) if np.isfinite(r[:, j]).any() else np.nan for j in range(joints)])
    # the median length of a vector of two standard normal numbers is 1.177
    return np.clip(np.nan_to_num(typical / 1.177, nan=1.0), 0.5, 2.0)


def _undistorted(lens: Camera, q: np.ndarray, focal_px: float, known: bool) -> np.ndarray:
    """Pixels from the principal point at a focal length."""
    return (lens.normalize(q) if known else (q - lens.K[:2, 2]) / focal_px) * focal_px


def _grid(placed: Placed, instants: int) -> np.ndarray:
    return placed.p_world.reshape(instants, -1, 3)


def _agreed(adjusted: Adjusted, T: int, J: int) -> np.ndarray:
    """Joints that at least two cameras see where they are."""
    return ((adjusted.weights > 0.1).sum(1) >= 2).reshape(T, J)


def _residuals(adjusted: Adjusted, names: tuple[str, ...]) -> dict[str, float]:
    r = np.where(adjusted.weights > 0, np.linalg.norm(adjusted.residual_px, axis=-1), np.nan)
    return {name: float(np.nanmedian(r[:, n])) for n, name in enumerate(names)}


def _unsolved(cameras: tuple[str, ...], solved: _Solved) -> dict[str, str]:
    reasons, start = {}, solved.start
    for c, name in enumerate(cameras):
        if c in start.cameras:
            continue
        if c in solved.odd:
            reasons[name] = f"only {100 * solved.odd[c]:.0f} % of its keypoints fit, perhaps it follows another person"
            continue
        tied = [pair for pair in start.pairs if c in (pair.a, pair.b)]
        reasons[name] = (
            "tied to " + ", ".join(cameras[pair.b if pair.a == c else pair.a] for pair in tied) + " alone"
            if tied
            else "shares too few keypoints with any other camera"
        )
    return reasons


def _camera(lens: Camera, solved: _Solved, n: int, placed: Placed) -> Camera:
    T_world_camera = inverse(rigid(placed.R_camera_world[n], -placed.R_camera_world[n] @ placed.center[n]))
    if not solved.focal_sigma[n]:
        return lens.at(T_world_camera)
    f = solved.focal_px[n] * np.exp(placed.log_focal[n])
    K = np.array([[f, 0, lens.K[0, 2]], [0, f, lens.K[1, 2]], [0, 0, 1]])
    return replace(lens, K=K, distortion=np.zeros(8), metric_radius=float("inf"), T_world_camera=T_world_camera)
