"""Measure the constants of registration/fit/uncertainty_inflation.py on simulated takes whose true bodies are known.

    python scripts/calibrate_uncertainty.py WORK SESSION [SESSION …]

Each session (with calibration, clouds and keypoints) is fitted with and without its clouds; errors and the equations'
own covariances stay in WORK, so that a second run only fits the constants. Prints the constants and how often the truth
then lies within its intervals, also with one session left out of the constants at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from tyro.conf import Positional

from body.joints import JOINT_NAMES, without_side
from body.loading import load_body_model
from capture.session import Session
from capture.virtual.true_frames import true_instants
from capture.virtual.truth import Truth
from geometry.rigid import transform
from humanrig.evaluation.world import true_world
from humanrig.registering.inputs import depth_cameras, person_keypoints
from humanrig.registering.person_clouds import PersonClouds
from humanrig.stage import StageContext
from registration.fit.certainty import track_sigma
from registration.fit.clip import fit_clip
from registration.fit.parts import PART_NAMES, part_of_joint, skin_patches
from registration.fit.posing import PosedClip

FLOORS = (0.0, 1.0, 2.0, 4.0)
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
HALF = 0.9945
"""Half-width of the central 68 % of a Gaussian, in standard deviations."""
LEVELS = {"50": 0.6745, "68": HALF, "90": 1.6449, "95": 1.96}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One kind of point over all sessions: millimetres."""

    error: np.ndarray
    """(n, 3) along the world's axes."""
    own: np.ndarray
    """(n, 3) the equations' own standard deviations."""
    residual: np.ndarray
    """(n,) of the part; NaN without points."""
    kind: np.ndarray
    session: np.ndarray

    def z(self, floor: float, share: float, scale: dict[str, float]) -> np.ndarray:
        return self.error / np.sqrt(self._scaled(scale) ** 2 + self._added(floor, share))

    def _scaled(self, scale: dict[str, float]) -> np.ndarray:
        return np.array([scale[one] for one in self.kind])[:, None] * self.own

    def _added(self, floor: float, share: float) -> np.ndarray:
        return floor**2 + (share * np.nan_to_num(self.residual))[:, None] ** 2

    def scales(self, floor: float, share: float) -> dict[str, float]:
        """For each kind, the scale, at least 1, at which 68 % of the errors are within their interval."""
        found, added = {}, self._added(floor, share)
        for one in np.unique(self.kind):
            mine = self.kind == one
            low, high = 1.0, 50.0
            for _ in range(30):
                middle = (low + high) / 2
                sigma = np.sqrt((middle * self.own[mine]) ** 2 + added[mine])
                inside = (np.abs(self.error[mine]) < HALF * sigma).mean()
                low, high = (middle, high) if inside < 0.68 else (low, middle)
            found[str(one)] = round(high, 2)
        return found

    def loss(self, floor: float, share: float) -> float:
        """Negative log-likelihood of the errors, by Laplace's tails: outliers must not decide."""
        scale = self.scales(floor, share)
        sigma = np.sqrt(self._scaled(scale) ** 2 + self._added(floor, share))
        return float((np.log(sigma) + 1.4 * np.abs(self.error) / sigma).mean())

    def at(self, some: np.ndarray) -> Sample:
        return Sample(
            error=self.error[some], own=self.own[some], residual=self.residual[some], kind=self.kind[some],
            session=self.session[some],
        )  # fmt: skip


def measure(folder: Path, surface: bool, path: Path) -> None:
    """Fits a session and writes errors and own deviations of joints and of the middle of each patch."""
    session, model = Session.open(folder), load_body_model()
    instants = [instant.instant for instant in session.instants()]
    context = StageContext(
        session=session, output=path, config=None, instants=instants, without=frozenset(), progress=lambda *_: None
    )
    keypoints = person_keypoints(context, "person00")
    clouds = PersonClouds(session.path("clouds"), instants) if surface else None
    fit = fit_clip(model, keypoints, clouds, None, None, depth_cameras(context))
    residual = (
        np.full((len(instants), len(PART_NAMES)), np.nan) if fit.track.parts is None else fit.track.parts.residual_mm
    )
    body, clouded = PosedClip(fit.state, fit.body), np.full(len(instants), surface)
    sigma = track_sigma(model, body, fit.system, residual, clouded, inflate=False)
    truth = Truth.open(session, model)
    T_world_truth = np.linalg.inv(true_world(truth.cameras(), session.cameras()).T_truth_world)
    rows, patches = true_instants(session)[np.array(instants)], skin_patches(model)
    joints = body.joints - transform(T_world_truth, truth.joints()[rows])
    skin = (body.vertices - transform(T_world_truth, truth.bodies(rows)))[:, patches.center]
    np.savez(
        path, joint_error=1e3 * joints, skin_error=1e3 * skin, residual=residual, skin_own=1e3 * sigma.vertex_sigma,
        joint_own=1e3 * np.sqrt(np.diagonal(sigma.joint_covariance, axis1=2, axis2=3)),
    )  # fmt: skip


def samples(paths: list[Path]) -> tuple[Sample, Sample]:
    """Joints and skin of all sessions."""
    patches = skin_patches(load_body_model())
    kinds = (
        np.array([without_side(name) for name in JOINT_NAMES]),
        np.array([without_side(PART_NAMES[p]) for p in patches.part]),
    )
    parts = part_of_joint(), patches.part
    found = []
    for what, names, part in zip(("joint", "skin"), kinds, parts, strict=True):
        columns: dict[str, list[np.ndarray]] = {n: [] for n in ("error", "own", "residual", "kind", "session")}
        for number, path in enumerate(paths):
            with np.load(path) as data:
                error, own = data[f"{what}_error"], data[f"{what}_own"]
                residual = data["residual"][:, part]
            own = own if own.ndim == 3 else np.repeat(own[..., None], 3, -1)
            columns["error"].append(error.reshape(-1, 3))
            columns["own"].append(own.reshape(-1, 3))
            columns["residual"].append(residual.ravel())
            columns["kind"].append(np.tile(names, len(error)))
            columns["session"].append(np.full(error.shape[0] * error.shape[1], number))
        found.append(Sample(**{name: np.concatenate(values) for name, values in columns.items()}))
    return found[0], found[1]


def fitted(joints: Sample, skin: Sample) -> tuple[float, float]:
    """Floor and share of least loss."""
    told = SHARES if np.isfinite(joints.residual).any() else (0.0,)
    return min(product(FLOORS, told), key=lambda both: joints.loss(*both) + skin.loss(*both))


def shares(z: np.ndarray) -> str:
    """Shares of the errors within their intervals."""
    return "  ".join(f"{name} %: {100 * (np.abs(z) < width).mean():.1f}" for name, width in LEVELS.items())


def main(
    work: Annotated[Positional[Path], tyro.conf.arg(metavar="WORK")],
    sessions: Annotated[Positional[list[Path]], tyro.conf.arg(metavar="SESSION")],
) -> None:
    """Fit what is not yet in WORK, then print the constants."""
    work.mkdir(parents=True, exist_ok=True)
    for surface, name in ((True, "WITH_CLOUD"), (False, "WITHOUT_CLOUD")):
        paths = []
        for folder in sessions:
            path = work / f"{folder.name}_{name}.npz"
            if not path.is_file():
                measure(folder, surface, path)
                print(f"fitted {folder.name}", flush=True)
            paths.append(path)
        joints, skin = samples(paths)
        both = fitted(joints, skin)
        print(
            f"{name}: floor_mm {both[0]}, share {both[1]}\n  joints {joints.scales(*both)}\n  skin {skin.scales(*both)}"
        )
        for what, sample in (("joints", joints), ("skin", skin)):
            print(f"  {what:<7} all       {shares(sample.z(*both, sample.scales(*both)))}")
            for number, folder in enumerate(sessions):
                others, mine = sample.session != number, sample.session == number
                scale = sample.at(others if others.any() else mine).scales(*both)
                rms = np.sqrt((sample.error[mine] ** 2).mean())
                told = shares(sample.at(mine).z(*both, scale))
                print(f"  {what:<7} left out  {told}  rms {rms:.1f} mm  {folder.name}")


if __name__ == "__main__":
    tyro.cli(main)
