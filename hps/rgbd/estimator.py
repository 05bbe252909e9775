"""The estimator of pictures with depth: both fused where they agree, one of them where they do not, and it is told."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, TypeVar

import numpy as np
import torch

from geometry.rigid import inverse, transform
from hps.points.estimate import USABLE
from hps.points.estimator import FittedBatch, PointEstimator, body_estimate, refused_estimate, surface_points
from hps.points.fitted_clouds import FittedClouds
from hps.points.fitting.evidence import LandmarkGaussians
from hps.points.fitting.fitted import FittedBodies
from hps.points.judging.confidence import Verdict
from hps.points.person_cloud import PersonCloud
from hps.points.seeing import SeenClouds
from hps.rgb.estimator import RgbEstimator
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED
from hps.rgbd.agreement import Agreement, agreements
from hps.rgbd.config import FusionConfig
from hps.rgbd.found import RgbdBatch, RgbdEstimate, Used, add_milliseconds
from hps.rgbd.fusing import Evidence, fuse
from hps.rgbd.painting import JointDepths, covered, joint_depths, painted
from hps.rgbd.product import product
from hps.rgbd.view import SEEN, RgbdView, joined_keypoints
from registration.keypoints.sets import FLIP_PARTS

SIDES_OF: Final = (FLIP_PARTS, *((part,) for part in FLIP_PARTS))
"""Parts of the body whose left and right a detector takes for each other."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _One:
    """A row of a batch before rows are put together."""

    body: FittedClouds
    verdict: Verdict
    used: Used
    spread: float
    note: str = ""
    residual_mm: float = float("nan")
    agreement: Agreement | None = None


class RgbdEstimator:
    """The point estimator and the estimator of pictures, and the fit that joins them. See `hps.rgbd.load`."""

    def __init__(self, points: PointEstimator, pictures: RgbEstimator, config: FusionConfig | None = None) -> None:
        """Both must be of the same body model."""
        self.points, self.pictures = points, pictures
        self.body, self.fit_body = points.body, points.fit_body
        self.config = FusionConfig() if config is None else config

    def estimate(self, view: RgbdView) -> RgbdEstimate:
        """The body of one person. Where there is none, its confidence is 0 and the reason says why."""
        return self.estimate_many([view])[0]

    def estimate_many(self, views: Sequence[RgbdView]) -> list[RgbdEstimate]:
        """The same of many, faster."""
        batch = self.found(views)
        share = {name: spent / max(len(views), 1) for name, spent in batch.milliseconds.items()}
        found: dict[int, RgbdEstimate] = {}
        for n, row in enumerate(batch.rows):
            found[row] = RgbdEstimate(
                estimate=body_estimate(batch.bodies, n, batch.verdicts[n], share, batch.spread[n]),
                used=batch.used[n],
                note=batch.notes[n],
                residual_mm=batch.residual_mm[n],
            )
        landmarks = len(self.fit_body.landmarks.part)
        for row, reason in batch.refused.items():
            refused = refused_estimate(reason, self.fit_body.shapes, landmarks, 1.0)
            found[row] = RgbdEstimate(estimate=refused, used=None, note=reason, residual_mm=float("nan"))
        return [found[row] for row in range(len(views))]

    def found(self, views: Sequence[RgbdView]) -> RgbdBatch:
        """The same as arrays: what a clip is made of (`hps.points.clip_bodies`)."""
        no_depth, no_picture = [view.no_depth for view in views], [view.no_picture for view in views]
        ones: dict[int, _One] = {}
        spent: dict[str, float] = {}
        deep = [row for row in range(len(views)) if not no_depth[row]]
        for start in range(0, len(deep), self.points.at_once):
            self._with_depth(views, deep[start : start + self.points.at_once], no_picture, ones, spent)
        flat = [row for row in range(len(views)) if no_depth[row] and not no_picture[row]]
        if flat:
            notes = [f"the body is of the picture alone: {no_depth[row]}" for row in flat]
            ones.update(zip(flat, self._pictures([views[row] for row in flat], notes, spent)))
        refused = {
            row: f"{no_depth[row]}, and {no_picture[row]}"
            for row in range(len(views))
            if no_depth[row] and no_picture[row]
        }
        rows = sorted(ones)
        return RgbdBatch(
            rows=tuple(rows),
            bodies=FittedClouds.joined([FittedClouds.none(self.fit_body), *(ones[row].body for row in rows)]),
            verdicts=tuple(ones[row].verdict for row in rows),
            used=tuple(ones[row].used for row in rows),
            notes=tuple(ones[row].note for row in rows),
            residual_mm=tuple(ones[row].residual_mm for row in rows),
            agreement=tuple(ones[row].agreement for row in rows),
            refused=refused,
            spread=tuple(ones[row].spread for row in rows),
            milliseconds=spent,
        )

    def _with_depth(
        self, views: Sequence[RgbdView], rows: list[int], no_picture: list[str], ones: dict[int, _One],
        spent: dict[str, float],
    ) -> None:  # fmt: skip
        """Adds the bodies of views that have points."""
        clouds = [views[row].cloud for row in rows]
        seen = self.points.seeing(clouds)
        depth = self.points.of_seen(seen, clouds)
        add_milliseconds(spent, depth.milliseconds)
        for n, row in enumerate(rows):
            if no_picture[row]:
                ones[row] = _of_depth(
                    depth, n, self.points.spread, f"the body is of the depth alone: {no_picture[row]}"
                )
        both = [n for n, row in enumerate(rows) if not no_picture[row]]
        if not both:
            return
        some, own = rows_of(seen, both), [views[rows[n]] for n in both]
        fused, agreed = self._fused(some, own, depth.clouds.rows(both), spent)
        apart = [k for k in range(len(both)) if agreed[k].disagrees(self.config)]
        for k, n in enumerate(both):
            one = _of_depth(fused, k, self.points.spread * self.config.covariance_factor, "")
            ones[rows[n]] = replace(one, used="both", agreement=agreed[k])
        if apart:
            notes = [
                f"picture and depth disagree ({agreed[k].sentence(self.config)}), the body is of the" for k in apart
            ]
            flat = self._pictures([own[k] for k in apart], notes, spent)
            for k, note, picture in zip(apart, notes, flat):
                alone = _of_depth(depth, both[k], self.points.spread, f"{note} depth alone")
                trusted = alone.verdict.confidence >= min(USABLE, picture.verdict.confidence)
                trusted = trusted or on_points(own[k]) < self.config.on_points
                chosen = alone if trusted else replace(picture, note=f"{note} picture alone")
                ones[rows[both[k]]] = replace(chosen, agreement=agreed[k])

    def _fused(
        self, seen: SeenClouds, views: list[RgbdView], depth: FittedClouds, spent: dict[str, float]
    ) -> tuple[FittedBatch, list[Agreement]]:
        """Bodies of views that have both, and how well both agree with them. depth: bodies of the points alone."""
        began = time.perf_counter()
        batch = joined_keypoints([view.keypoints for view in views if view.keypoints is not None])
        fitted = fuse(self.fit_body, self._evidence(seen, views, batch), self.points.fit_config, self.config)
        fitted, batch = self._with_sides(seen, views, depth, fitted, batch)
        add_milliseconds(spent, {"fusion": 1e3 * (time.perf_counter() - began)})
        judged = self.points.judged(seen, [view.cloud for view in views], fitted)
        judged = replace(judged, clouds=judged.clouds.spread(self.config.covariance_factor))
        return judged, agreements(self.fit_body, judged.clouds, depth, batch)

    def _with_sides(
        self, seen: SeenClouds, views: list[RgbdView], depth: FittedClouds, fitted: FittedBodies, batch: KeypointBatch
    ) -> tuple[FittedBodies, KeypointBatch]:
        """Where the points speak against the keypoints: the likelier body with the keypoints' sides exchanged or not.

        Detectors take a person's left for the right, of the whole body, the legs, or all but the legs; points do not.
        """
        off = agreements(self.fit_body, depth, depth, batch)
        doubted = [n for n, one in enumerate(off) if one.apart > self.config.sides_from]
        for parts in SIDES_OF if doubted else ():
            own = exchanged(batch.rows(doubted), parts)
            evidence = self._evidence(rows_of(seen, doubted), [views[n] for n in doubted], own)
            other = fuse(self.fit_body, evidence, self.points.fit_config, self.config)
            better = [k for k, n in enumerate(doubted) if other.energy[k] + self.config.sides_cost < fitted.energy[n]]
            if better:
                at = [doubted[k] for k in better]
                fitted, batch = _replaced(fitted, at, other, better), _replaced(batch, at, own, better)
        return fitted, batch

    def _evidence(self, seen: SeenClouds, views: list[RgbdView], batch: KeypointBatch) -> Evidence:
        """In the frames of `seen`."""
        lifted = self.pictures.lifter(batch)
        lifted = replace(lifted, sigma=self.config.lifter_factor * lifted.sigma)
        network = LandmarkGaussians(position=seen.position, sigma=self.config.network_factor * seen.sigma)
        Ts_camera_canonical = inverse(seen.given.T_canonical_cloud)
        in_camera = LandmarkGaussians(
            position=torch.from_numpy(_moved(Ts_camera_canonical, seen.position.double().numpy())),
            sigma=network.sigma.double(),
        )
        depths = [_depths(view.cloud, batch.rows(slice(n, n + 1))) for n, view in enumerate(views)]
        return Evidence(
            network=network,
            surface=surface_points(seen),
            keypoints=batch,
            Ts_camera_frame=Ts_camera_canonical,
            depths=tuple(one.moved(T) for one, T in zip(depths, seen.given.T_canonical_cloud)),
            lifted=lifted,
            fused=product(in_camera, lifted, self.config.lifter_redundancy).moved(seen.given.T_canonical_cloud),
        )

    def _pictures(self, views: list[RgbdView], notes: list[str], spent: dict[str, float]) -> list[_One]:
        """Bodies of the pictures alone."""
        found = self.pictures.found(joined_keypoints([view.keypoints for view in views if view.keypoints is not None]))
        add_milliseconds(spent, found.milliseconds)
        return [
            _One(
                body=found.bodies.rows([n]),
                verdict=found.verdicts[n],
                used="picture",
                spread=self.pictures.spread,
                note=notes[n],
            )
            for n in range(len(views))
        ]


def _of_depth(batch: FittedBatch, n: int, spread: float, note: str) -> _One:
    return _One(
        body=batch.clouds.rows([n]), verdict=batch.verdicts[n], used="depth", spread=spread, note=note,
        residual_mm=batch.signs[n].residual_mm,
    )  # fmt: skip


def rows_of(seen: SeenClouds, which: list[int]) -> SeenClouds:
    """Some of the clouds."""
    given = replace(seen.given, **{one.name: getattr(seen.given, one.name)[which] for one in fields(seen.given)})
    names = ("position", "sigma", "part_logits", "skin_offset", "skin_sigma")
    return replace(seen, given=given, **{name: getattr(seen, name)[which] for name in names})


def exchanged(batch: KeypointBatch, parts: tuple[str, ...]) -> KeypointBatch:
    """The keypoints with left and right of some parts of the body (`FLIP_PARTS`) exchanged."""
    turned = LIFTED.parts[[FLIP_PARTS.index(part) for part in parts]].any(0)
    order = torch.from_numpy(np.where(turned, LIFTED.mirror, np.arange(len(LIFTED))))
    return replace(batch, q=batch.q[:, order], confidence=batch.confidence[:, order])


def on_points(view: RgbdView) -> float:
    """The share of the seen keypoints that lie on the person's points, in the picture; 0 where one of both is missing.

    A picture of which few do is of somebody else, or of another instant.
    """
    if view.keypoints is None or not len(view.cloud):
        return 0.0
    seen = view.keypoints.confidence[0].numpy() > SEEN
    on = covered(painted(np.asarray(view.cloud.points, np.float64), view.keypoints))
    return float(on[seen].mean()) if seen.any() else 0.0


Rows = TypeVar("Rows", FittedBodies, KeypointBatch)


def _replaced(values: Rows, at: list[int], others: Rows, which: list[int]) -> Rows:
    """A batch with rows of another in some places."""
    changed = {}
    for one in fields(values):
        own = getattr(values, one.name)
        if isinstance(own, torch.Tensor):
            changed[one.name] = own.clone()
            changed[one.name][at] = getattr(others, one.name)[which]
    return replace(values, **changed)


def _depths(cloud: PersonCloud, seen: KeypointBatch) -> JointDepths:
    points = np.asarray(cloud.points, np.float64)
    return joint_depths(points, painted(points, seen), seen)


def _moved(Ts: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.stack([transform(T, own) for T, own in zip(Ts, points)])
