"""Learn the pose prior of the fit from the motion library's training clips, and say how well it foretells others.

python scripts/build_pose_prior.py [--components 12] [--rank 12] [--least-deg 6] [--no-climbs] [--out FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from jaxtyping import Float

from body.motion.clip import MotionClip
from body.motion.library import MotionLibrary
from body.motion.mirror import mirrored
from humanrig.motions import motion_library
from registration.fit.terms.pose_mixture import DATA, FEATURES, JOINTS, PoseMixture, fit_pose_mixture

FRAMES_OF_A_CLIP = 120
"""Evenly spread over each clip, so that long clips do not outweigh short ones."""
DRAWN_PER_RECIPE = 25
RECIPES = ("limbs", "sequence")
"""Motions made of several clips: they part arms from legs, which in each clip alone move as one."""
WIDE_SHARE = 0.5
"""Of the wide component. A crawl, unlike any clip of the training, is 13.6 nats less likely under the learned
components than under the wide one, and 0.4 under both; a kick gains 3 by both, climbs like the training's 16 to 18."""
STILL = 200
"""Poses between A and T, of people who stand: no clip has them."""


def main() -> None:
    """Writes the file and prints mean log-densities on training, validation clips and wide anatomy."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--components", type=int, default=12)
    parser.add_argument("--rank", type=int, default=12)
    parser.add_argument("--least-deg", type=float, default=6.0, help="least standard deviation of a joint")
    parser.add_argument("--no-climbs", action="store_true", help="only DeepMimic's clips: 102 MB less to fetch")
    parser.add_argument("--out", type=Path, default=DATA)
    options = parser.parse_args()
    library = motion_library(climbs=not options.no_climbs)
    theta = training_poses(library, np.random.default_rng(0))
    least = np.deg2rad(options.least_deg)
    learned = fit_pose_mixture(theta, options.components, options.rank, least, np.random.default_rng(1))
    wide = axis_by_axis(theta, options.rank, least)
    mixture = mixed(learned, wide, WIDE_SHARE)
    source = "DeepMimic motions (zlib licence)" + (
        "" if options.no_climbs else "; holosoma-retargeting takes (Apache-2.0)"
    )
    mixture.write(options.out, source)
    print(f"{len(theta)} poses, {options.out.stat().st_size / 1000:.0f} kB")
    held_out = {name: poses(library.clip(name)) for name in library.names("validation")}
    print("mean log-density of        mixture   learned part alone   wide part alone")
    for name, some in {"training": theta, **held_out}.items():
        densities = [float(prior.log_density(some).mean()) for prior in (mixture, learned, wide)]
        print(f"{name:24s}" + "".join(f"{density:12.1f}" for density in densities))


def training_poses(library: MotionLibrary, rng: np.random.Generator) -> Float[np.ndarray, "poses 63"]:
    """Poses of the training clips, their mirror images, motions made of them, and people who stand."""
    clips = [library.clip(name) for name in library.names("train")]
    found = [poses(c) for clip in clips for c in (clip, mirrored(clip))]
    for recipe in RECIPES:
        found += [poses(library.draw(rng, "train", 2.0, 15.0, recipe)) for _ in range(DRAWN_PER_RECIPE)]
    return np.concatenate([*found, standing(rng)])


def poses(clip: MotionClip) -> Float[np.ndarray, "poses 63"]:
    """Joints 1..21 of frames spread over a clip."""
    chosen = np.unique(np.linspace(0, len(clip) - 1, FRAMES_OF_A_CLIP).round().astype(int))
    return clip.rotations[chosen][:, JOINTS].reshape(-1, FEATURES)


def standing(rng: np.random.Generator) -> Float[np.ndarray, "poses 63"]:
    """People who stand with their arms anywhere from hanging to level."""
    rotations = np.deg2rad(4) * rng.standard_normal((STILL, 24, 3))
    down = rng.uniform(0, np.deg2rad(75), STILL)
    rotations[:, 16, 2] -= down
    rotations[:, 17, 2] += down
    return rotations[:, JOINTS].reshape(-1, FEATURES)


def axis_by_axis(theta: Float[np.ndarray, "poses 63"], rank: int, least: float) -> PoseMixture:
    """One wide Gaussian in which every axis of every joint is on its own: what foretells motions like no clip's."""
    return PoseMixture(
        shares=np.ones(1),
        means=theta.mean(0)[None],
        spreads=np.zeros((1, FEATURES, rank)),
        rest=np.sqrt(theta.var(0) + least**2)[None],
    )


def mixed(first: PoseMixture, second: PoseMixture, share: float) -> PoseMixture:
    """Both mixtures in one; `share` is that of the second."""
    parts = {
        name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in ("means", "spreads", "rest")
    }
    return PoseMixture(shares=np.concatenate([(1 - share) * first.shares, share * second.shares]), **parts)


if __name__ == "__main__":
    main()
