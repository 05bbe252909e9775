"""All depth cameras aligned at once by the surfaces that they share, and how sharply these determine them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float

from calibration.errors import CalibrationError
from calibration.geometric.matches import Matches, match
from calibration.geometric.surfaces import Surface
from geometry.rigid import from_rotvec

REACHES_M = (0.08, 0.08, 0.06, 0.06, 0.045, 0.045, 0.035, 0.035, 0.03, 0.03, 0.025, 0.025, 0.025, 0.025, 0.025)
"""How far a match may be, round by round. A camera that is off by 1° and 10 mm is off by 50 mm at 2.3 m."""
DRAWN = 1500
"""Points of a camera and instant that are matched with each other camera."""
MIN_MATCHES = 200
"""A pair with fewer is no tie."""
LOOSE_RAD, LOOSE_M = np.deg2rad(3.0), 0.1
"""Deviations of the start: what surfaces leave open stays where it was."""
SMALLEST_M = 1e-3
"""Deviation of a match's gap, at least."""
CORRELATED = 60.0
"""So many matches count as one: neighbours share noise, normals and the systematic errors of their place. Set so that
the disagreement with a true calibration is what is expected, for walking people seen by ten cameras."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Alignment:
    """Depth cameras as their common surfaces place them."""

    cameras: tuple[str, ...]
    T_world_camera: dict[str, Float[np.ndarray, "4 4"]]
    information: Float[np.ndarray, "six_cameras six_cameras"]
    """Of the six numbers of each camera as in PoseCovariance; motions of the whole rig have none. What the devices'
    own depth errors may be is taken into account."""
    matches: dict[tuple[str, str], int]
    """How many points each pair shares."""
    rms_m: float
    """Root mean square of the gaps between matched points."""
    gaps_m: dict[str, float]
    """The same for the matches of each camera."""


def align(
    surfaces: Mapping[str, Sequence[Surface | None]],
    T_world_camera: Mapping[str, Float[np.ndarray, "4 4"]],
    depth_sigma_m: Mapping[str, float],
    rng: np.random.Generator | None = None,
) -> Alignment:
    """The depth cameras where their surfaces coincide, beginning at `T_world_camera`.

    surfaces: by camera one for each instant, the same instants for all. depth_sigma_m: how far each device's distances
    may be off as a whole; such a bias is solved for beside the places, so that it loosens what it could imitate.

    Plane-to-plane matches of every pair of cameras enter one system, which is solved by Gauss-Newton with a robust
    loss and a shrinking reach. Raises CalibrationError when no two cameras see the same surface.
    """
    rng = rng or np.random.default_rng(0)
    names = tuple(sorted(surfaces))
    T = {name: np.array(T_world_camera[name]) for name in names}
    start = {name: pose.copy() for name, pose in T.items()}
    system, matches = None, {}
    for reach_m in REACHES_M:
        matches = _all_matches(surfaces, names, T, reach_m, rng)
        if not any(matches.values()):
            raise CalibrationError(
                "no two depth cameras see the same surface: stand or put boxes into the middle of the rig, and bring a "
                "calibration that is within 2° and 30 mm"
            )
        system = _System.of(names, matches, T, start, depth_sigma_m)
        for name, step in zip(names, system.step().reshape(-1, 6), strict=True):
            T[name] = T[name] @ from_rotvec(step[:3], np.zeros(3))
            T[name][:3, 3] += step[3:]
    assert system is not None
    return Alignment(
        cameras=names,
        T_world_camera=T,
        information=system.information(),
        matches={pair: sum(map(len, found)) for pair, found in matches.items() if found},
        rms_m=_rms([m for found in matches.values() for m in found]),
        gaps_m={n: _rms([m for pair, found in matches.items() if n in pair for m in found]) for n in names},
    )


def _all_matches(
    surfaces: Mapping[str, Sequence[Surface | None]],
    names: Sequence[str],
    T: Mapping[str, np.ndarray],
    reach_m: float,
    rng: np.random.Generator,
) -> dict[tuple[str, str], list[Matches]]:
    """By pair; no entry's list where a pair shares too little. Every other pair is matched the other way round."""
    found: dict[tuple[str, str], list[Matches]] = {}
    for number, (a, b) in enumerate(combinations(names, 2)):
        a, b = (a, b) if number % 2 else (b, a)
        pair = []
        for seen_a, seen_b in zip(surfaces[a], surfaces[b], strict=True):
            if seen_a is None or seen_b is None:
                continue
            count = len(seen_a.points)
            sample = rng.choice(count, min(DRAWN, count), replace=False)
            pair.append(match(seen_a, seen_b, T[a], T[b], reach_m, sample))
        found[a, b] = pair if sum(map(len, pair)) >= MIN_MATCHES else []
    return found


def _rms(matches: Sequence[Matches]) -> float:
    gaps = np.concatenate([m.gap_m for m in matches]) if matches else np.zeros(0)
    return float(np.sqrt((gaps**2).mean())) if len(gaps) else float("nan")


@dataclass(frozen=True, kw_only=True, eq=False)
class _System:
    """Normal equations of six numbers and a depth bias of each camera, at the current places."""

    H: Float[np.ndarray, "seven_cameras seven_cameras"]
    g: Float[np.ndarray, "seven_cameras"]
    loose: Float[np.ndarray, "seven_cameras"]
    """Prior information of each number."""

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        matches: Mapping[tuple[str, str], Sequence[Matches]],
        T: Mapping[str, np.ndarray],
        start: Mapping[str, np.ndarray],
        depth_sigma_m: Mapping[str, float],
    ) -> _System:
        count, place = len(names), {name: n for n, name in enumerate(names)}
        H, g = np.zeros((7 * count, 7 * count)), np.zeros(7 * count)
        gaps = np.concatenate([m.gap_m for found in matches.values() for m in found])
        scale = max(1.4826 * float(np.median(np.abs(gaps))), SMALLEST_M)
        for (a, b), found in matches.items():
            where = np.concatenate([7 * place[a] + np.arange(7), 7 * place[b] + np.arange(7)])
            for m in found:
                J = np.concatenate([_rows(m.p_a, m.v_world, T[a]), -_rows(m.p_b, m.v_world, T[b])], 1)
                weight = np.clip(1 - (m.gap_m / (4.685 * scale)) ** 2, 0, None) ** 2 / scale**2 / CORRELATED
                H[np.ix_(where, where)] += J.T @ (weight[:, None] * J)
                g[where] += J.T @ (weight * m.gap_m)
        loose = np.tile([LOOSE_RAD**-2] * 3 + [LOOSE_M**-2] * 3 + [0.0], count)
        loose[6::7] = [depth_sigma_m[name] ** -2.0 for name in names]
        for name in names:
            at = 7 * place[name]
            g[at + 3 : at + 6] += loose[at + 3] * (T[name][:3, 3] - start[name][:3, 3])
        return cls(H=H, g=g, loose=loose)

    def step(self) -> Float[np.ndarray, "six_cameras"]:
        """Towards the minimum."""
        x = -np.linalg.solve(self.H + np.diag(self.loose), self.g)
        return x.reshape(-1, 7)[:, :6].ravel()

    def information(self) -> Float[np.ndarray, "six_cameras six_cameras"]:
        """Of the places alone; the biases are solved for."""
        bias = np.arange(len(self.H)) % 7 == 6
        H_bias = self.H[np.ix_(bias, bias)] + np.diag(self.loose[bias])
        H_cross = self.H[np.ix_(~bias, bias)]
        return self.H[np.ix_(~bias, ~bias)] - H_cross @ np.linalg.solve(H_bias, H_cross.T)


def _rows(p: np.ndarray, v_world: np.ndarray, T: np.ndarray) -> Float[np.ndarray, "matches 7"]:
    """How the gap changes with the turn, the place and the depth bias of one camera."""
    v = v_world @ T[:3, :3]
    along = np.einsum("ni,ni->n", v, p) / p[:, 2]
    return np.concatenate([np.cross(p, v), v_world, along[:, None]], 1)
