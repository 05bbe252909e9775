"""Calibrates weights of the point estimator on validation clouds: sigmas, covariance, and when not to trust a body.

    python scripts/calibrate_points.py WEIGHTS.safetensors DATASET [--clouds 600] [--out FILE]

The factors go into the file's description; the estimator reads them from there. Nothing of the test split is looked at.
When to trust a body is found on whole people, on parts of them, each with its real error, and on things that are none.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import tyro
from rich.progress import track
from tyro.conf import Positional

import humanrig  # noqa: F401 - sets one thread for numerical libraries before they start
from body.loading import load_body_model
from body.model import BodyModel
from body.reframing import in_frame
from geometry.rigid import transform
from hps.benchmark.points.set.stressed import stressed
from hps.datasets.cloud_sample import CloudSample
from hps.datasets.opening import open_dataset
from hps.errors import HpsError
from hps.metrics.calibration import failure_auroc
from hps.points.augmentation.plan import AugmentationPlan, load_plan
from hps.points.augmentation.taking import RemoveParts
from hps.points.cloud_checks import check_cloud
from hps.points.estimate import USABLE
from hps.points.estimator import FittedBatch, PointEstimator
from hps.points.judging import partial_people
from hps.points.judging.calibration import fitted_judge, sigma_factor
from hps.points.judging.confidence import FEATURES, Judge, feature_rows
from hps.points.judging.not_people import KINDS, not_a_person
from hps.points.judging.turned_people import LYING, turn_about_view
from hps.points.landmarks import landmarks_of
from hps.points.loading import load
from hps.points.person_cloud import PersonCloud
from hps.points.weights_file import read_weights, write_weights

GOOD_MM = 150.0
"""A body whose skin is farther off in the mean is a failure of the benchmark."""
WORTH_IT = 0.97
"""A second look costs as much as the first."""
AT_ONCE = 32
REMOVALS = {
    "50 % hidden": load_plan("removal_50"),
    "70 % hidden": load_plan("removal_70"),
    "90 % hidden": load_plan("removal_90"),
    "parts gone": AugmentationPlan(operations=(RemoveParts(most=14),)),
}
"""What else is taken from people, by operations of augmentation."""
LYING_PEOPLE = "lying"
PARTIAL = (*partial_people.KINDS, *REMOVALS, LYING_PEOPLE)


def calibrate(
    weights: Positional[Path],
    dataset: Positional[Path],
    clouds: int = 600,
    others: int = 40,
    partial: int = 40,
    out: Path | None = None,
    seed: int = 17,
) -> None:
    """Calibrate weights.

    Args:
        weights: A file of `train_points.py publish`. It is written anew unless --out names another.
        dataset: With a validation split; single views.
        clouds: Of people, at even steps.
        others: Of each kind of thing that is no single upright person.
        partial: Of each kind of cloud that shows a part of a person.
        out: Where the calibrated weights go.
        seed: Of the others, and of what is left of people.
    """
    torch.set_num_threads(1)
    body = load_body_model()
    samples = people_of(dataset, clouds)
    estimator = load(weights, body=body)
    estimator.judge, estimator.seeing.factor, estimator.spread = Judge.of(None), {}, 1.0
    estimator.seeing.twice = twice = looked_twice(estimator, samples, body)
    factors = sigma_factors(estimator, samples, body)
    estimator.seeing.factor = factors
    batch = fitted(estimator, [sample.cloud for sample in samples], "people")
    error_mm, off, sigma = errors(batch, samples, body)
    spread = sigma_factor(off.reshape(-1, 3), sigma.reshape(-1))
    rng = np.random.default_rng(seed)
    alone = [sample.cloud for sample in samples]
    strange = [made(kind, rng, alone) for kind in KINDS for _ in range(others)]
    rest = fitted(estimator, strange, "others")
    kinds, left = parts_of_people(samples, partial, body, seed)
    cut = fitted(estimator, [sample.cloud for sample in left], "parts of people")
    cut_mm = errors(cut, left, body)[0]
    features = np.concatenate([feature_rows(list(some.signs)) for some in (batch, cut, rest)])
    good = np.concatenate([error_mm < GOOD_MM, cut_mm < GOOD_MM, np.zeros(len(rest.rows), bool)])
    judge = fitted_judge(features, good)
    print(f"sigma of joints x {factors['joints']:.2f}, of markers x {factors['markers']:.2f}; of bodies x {spread:.2f}")
    print(f"vertex error of whole people {np.median(error_mm):.0f} mm in the median")
    kind = ["whole"] * len(error_mm) + [kinds[row] for row in cut.rows] + [KINDS[row // others] for row in rest.rows]
    tell(judge, features, good, np.array(kind))
    tensors, info = read_weights(weights)
    calibration = {
        "sigma": factors,
        "spread": spread,
        "twice": twice,
        "confidence": judge.described(),
        "clouds": len(batch.rows),
    }
    write_weights(out or weights, tensors, replace(info, calibration=calibration))
    print(f"{out or weights}: calibrated")


def people_of(dataset: Path, count: int) -> list[CloudSample]:
    """Validation clouds of one person with a truth, at even steps."""
    reader = open_dataset(dataset).split("validation")
    found = []
    for n in track(np.unique(np.linspace(0, len(reader) - 1, count).astype(int)), "read"):
        sample = reader[int(n)]
        try:
            check_cloud(sample.cloud)
        except HpsError:
            continue
        if sample.truth is not None:
            found.append(sample)
    return found


def looked_twice(estimator: PointEstimator, samples: list[CloudSample], body: BodyModel) -> bool:
    """Whether a second look, from the predicted pelvis, brings the landmarks much nearer to the truth in the mean."""
    error = {}
    for twice in (False, True):
        estimator.seeing.twice = twice
        off, _ = landmarks_off(estimator, samples, body)
        error[twice] = 1000 * float(np.linalg.norm(off, axis=-1).mean())
    print(f"landmarks {error[False]:.1f} mm off after one look, {error[True]:.1f} mm after two")
    return error[True] < WORTH_IT * error[False]


def landmarks_off(
    estimator: PointEstimator, samples: list[CloudSample], body: BodyModel
) -> tuple[np.ndarray, np.ndarray]:
    """Errors of the network's landmarks, clouds x 88 x 3, and their sigmas, metres."""
    offs, sigmas = [], []
    for start in track(range(0, len(samples), AT_ONCE), "landmarks"):
        part = samples[start : start + AT_ONCE]
        seen = estimator.seeing([sample.cloud for sample in part])
        for n, sample in enumerate(part):
            posed = body.pose(sample.truth)
            truth = landmarks_of(body).of(posed.vertices[0], posed.joints[0])
            offs.append(seen.position[n].double().numpy() - transform(seen.given.T_canonical_cloud[n], truth))
            sigmas.append(seen.sigma[n].double().numpy())
    return np.stack(offs), np.stack(sigmas)


def sigma_factors(estimator: PointEstimator, samples: list[CloudSample], body: BodyModel) -> dict[str, float]:
    """What the network's sigmas of joints and of markers must be multiplied by."""
    off, sigma = landmarks_off(estimator, samples, body)
    return {
        "joints": sigma_factor(off[:, :24].reshape(-1, 3), sigma[:, :24].reshape(-1)),
        "markers": sigma_factor(off[:, 24:].reshape(-1, 3), sigma[:, 24:].reshape(-1)),
    }


def fitted(estimator: PointEstimator, clouds: list[PersonCloud], what: str) -> FittedBatch:
    """The bodies of all clouds."""
    starts = range(0, len(clouds), AT_ONCE)
    parts = [estimator.fitted(clouds[n : n + AT_ONCE]).shifted(n) for n in track(starts, what)]
    return FittedBatch.joined(parts)


def errors(
    batch: FittedBatch, samples: list[CloudSample], body: BodyModel
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean vertex error in millimetres, and of each joint how far it is off and how far it says, metres."""
    error, off, sigma = [], [], []
    for n, row in enumerate(batch.rows):
        truth, found = body.pose(samples[row].truth), body.pose(batch.clouds.parameters(n))
        error.append(1000 * np.linalg.norm(found.vertices[0] - truth.vertices[0], axis=1).mean())
        off.append(batch.clouds.joints[n] - truth.joints[0])
        sigma.append(np.sqrt(np.trace(batch.clouds.joint_covariance[n], axis1=1, axis2=2) / 3))
    return np.array(error), np.stack(off), np.stack(sigma)


def made(kind: str, rng: np.random.Generator, people: list[PersonCloud]) -> PersonCloud:
    """A thing that the checks let pass."""
    while True:
        cloud = not_a_person(kind, rng, people)
        try:
            check_cloud(cloud)
        except HpsError:
            continue
        return cloud


def parts_of_people(
    samples: list[CloudSample], count: int, body: BodyModel, seed: int
) -> tuple[list[str], list[CloudSample]]:
    """What is left of people whom something hides: kinds and samples, `count` of each kind at even steps, other people
    for each; those that the checks refuse are left out."""
    rng = np.random.default_rng(seed)
    kinds, left = [], []
    for number, kind in enumerate(PARTIAL):
        start = number * len(samples) // (count * len(PARTIAL) + 1)
        for n in np.unique(np.linspace(start, len(samples) - 1, count).astype(int)):
            sample = samples[int(n)]
            if kind in REMOVALS:
                sample = stressed(sample, REMOVALS[kind], seed)
            elif kind == LYING_PEOPLE:
                sample = lying(sample, body, rng)
            else:
                cloud = partial_people.part_of_a_person(kind, sample.cloud, sample.truth, body, rng)
                sample = replace(sample, cloud=cloud)
            try:
                check_cloud(sample.cloud)
            except HpsError:
                continue
            kinds.append(kind)
            left.append(sample)
    return kinds, left


def lying(sample: CloudSample, body: BodyModel, rng: np.random.Generator) -> CloudSample:
    """The person as if lying, cloud and truth; which way is up stays as it was."""
    assert sample.truth is not None
    T_turned_cloud = turn_about_view(sample.cloud, LYING, rng)
    cloud = replace(sample.cloud.moved(T_turned_cloud), up=sample.cloud.up)
    return replace(sample, cloud=cloud, truth=in_frame(body, sample.truth, T_turned_cloud))


def tell(judge: Judge, features: np.ndarray, good: np.ndarray, kind: np.ndarray) -> None:
    """How well good bodies are told from bad ones, and whom the judge trusts."""
    sure = np.array([judge.confidence(one) for one in features])
    print("kind: clouds, good; trusted of the good, of the bad; confidence in the median")
    for name in ("whole", *PARTIAL, *KINDS):
        which = kind == name
        right, wrong = share(sure[which & good] >= USABLE), share(sure[which & ~good] >= USABLE)
        middle = f"{np.median(sure[which]):.2f}" if which.any() else "none"
        print(f"  {name}: {which.sum()}, {share(good[which])}; {right}, {wrong}; {middle}")
    for name, which in (("whole people", kind == "whole"), ("parts of people", np.isin(kind, PARTIAL))):
        told = failure_auroc(sure[which], ~good[which])
        print(f"a good body has the higher confidence, {name}: {told:.3f} of all pairs")
    print(f"  all clouds: {failure_auroc(sure, ~good):.3f}")
    print("weights:", {name: round(judge.weights[name], 2) for name in FEATURES}, "offset", round(judge.offset, 2))


def share(which: np.ndarray) -> str:
    """In percent."""
    return f"{100 * which.mean():.0f} %" if len(which) else "none"


if __name__ == "__main__":
    tyro.cli(calibrate)
