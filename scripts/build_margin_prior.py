"""Learn how far clothes stand off the skin: people of the bank's training split in painted and sewn clothes.

python scripts/build_margin_prior.py [--people 192] [--out FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64

from body.appearance import dress
from body.bank import BankSubject, BodyBank, load_body_bank
from body.errors import BodyError
from body.garments import tailor
from body.garments.wardrobe import Wardrobe
from body.joints import JOINT_INDEX
from body.loading import load_body_model
from body.model import BodyModel
from body.motion.clip import MotionClip
from body.parameters import BodyParameters
from capture.virtual.subject import exact_body, thickened
from geometry.rays import RayScene
from humanrig.motions import motion_library
from registration.fit.parts import Patches, skin_patches
from registration.fit.terms.margin_learning import learned_margins
from registration.fit.terms.margin_prior import DATA, MarginPriors, in_heights, write_margin_priors

KINDS: dict[str, tuple[Wardrobe | None, ...]] = {
    "painted": (None,),
    "sewn": ("sport", "everyday", "summer"),
    "skirted": ("skirt", "dress"),
}
"""What is told apart. Each wardrobe gets as many people."""
DIRECTIONS = {"painted": 4, "sewn": 10, "skirted": 10}
"""98, 87 and 87 % of the variance between people and poses."""
POSES = 3
"""Of training clips, beside standing."""
POINTS = 6000
CAMERAS, RADIUS_M = 10, 2.3
"""Only what a ring of cameras would see counts: margins under a skirt are nobody's."""
FACING, AGREEING = 0.25, 0.3
"""Least cosine between the cloth's normal and a camera, and the skin's normal."""


def main() -> None:
    """Writes the file and prints the mean margins of each kind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--people", type=int, default=192)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=DATA)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    model, library = load_body_model(), motion_library(climbs=False)
    bank, patches = load_body_bank(model), skin_patches(model)
    clips = [library.clip(name) for name in library.names("train")]
    found: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
    wardrobes: list[tuple[str, Wardrobe | None]] = [
        (kind, wardrobe) for kind, some in KINDS.items() for wardrobe in some
    ]
    for number in range(options.people):
        kind, wardrobe = wardrobes[number % len(wardrobes)]
        try:
            found[kind] += margins(bank, wardrobe, clips, patches, rng)
        except BodyError as error:
            print(f"person {number} ({wardrobe}) left out: {error}")
    priors = []
    for kind, some in found.items():
        prior = learned_margins(kind, np.stack([m[0] for m in some]), np.stack([m[1] for m in some]), DIRECTIONS[kind])
        priors.append(prior)
        print(
            f"{kind}: {len(some)} poses; mean {1000 * prior.mean.mean():.1f} mm, "
            f"directions {1000 * np.sqrt((prior.basis**2).sum(1).mean()):.1f} mm, "
            f"left {1000 * prior.rest.mean():.1f} mm, within patches {1000 * prior.within.mean():.1f} mm"
        )
    center = in_heights(np.asarray(model.v_template, np.float64))[patches.center]
    write_margin_priors(
        options.out, MarginPriors(kinds=tuple(priors), center=center), "humanrig's own people and clothes"
    )
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")


def margins(
    bank: BodyBank, wardrobe: Wardrobe | None, clips: list[MotionClip], patches: Patches, rng: np.random.Generator
) -> list[Float[np.ndarray, "two patches"]]:
    """Mean and spread of the margins in each patch, metres, NaN where unseen: one person in some poses."""
    subject = _subject(bank, wardrobe, rng)
    model, rest = bank.body_model, bank.rest_vertices(subject.name)
    turns = [
        clip.rotations[rng.integers(len(clip))] for clip in (clips[rng.integers(len(clips))] for _ in range(POSES))
    ]
    standing = np.zeros((24, 3))
    standing[JOINT_INDEX["left_shoulder"], 2] = -rng.uniform(0, 1.2)
    standing[JOINT_INDEX["right_shoulder"], 2] = -standing[JOINT_INDEX["left_shoulder"], 2]
    rotations = np.array([*turns, standing])
    posed = exact_body(
        model,
        BodyParameters(
            betas=np.zeros(model.shape_count),
            global_orient=rotations[:, 0],
            body_pose=rotations[:, 1:].reshape(len(rotations), -1),
            transl=np.zeros((len(rotations), 3)),
        ),
        rest,
    )
    if wardrobe is None:
        offsets, faces = dress(model, rng, "minimal", 64).offsets, model.faces
        surfaces = [thickened(vertices, faces, offsets) for vertices in posed.vertices]
    else:
        costume = tailor(bank.model(subject.name), rng, wardrobe, subject.sex, subject.age_years, size=64)
        assert posed.transforms is not None
        faces = costume.faces
        surfaces = [costume.dress(v, T, (0.0, 1.0, 0.0)) for v, T in zip(posed.vertices, posed.transforms)]
    return [
        margins_of_pose(model, vertices, surface, faces, patches, rng)
        for vertices, surface in zip(posed.vertices, surfaces)
    ]


def _subject(bank: BodyBank, wardrobe: Wardrobe | None, rng: np.random.Generator) -> BankSubject:
    while True:
        subject = bank.draw(rng, "train", children=0.15)
        if wardrobe not in ("skirt", "dress") or subject.sex == "female":
            return subject


def margins_of_pose(
    model: BodyModel,
    skin: Float[np.ndarray, "vertices 3"],
    surface: Float[np.ndarray, "points 3"],
    faces: Int64[np.ndarray, "faces 3"],
    patches: Patches,
    rng: np.random.Generator,
) -> Float[np.ndarray, "two patches"]:
    """Signed distances of the drawn surface, where a ring of cameras sees it, from the skin: mean and spread."""
    a, b, c = (surface[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    area = np.linalg.norm(normals, axis=1)
    which = rng.choice(len(faces), POINTS, p=area / area.sum())
    p = (surface[faces[which]] * rng.dirichlet([1, 1, 1], POINTS)[..., None]).sum(1)
    normal = normals[which] / np.maximum(area[which], 1e-12)[:, None]
    scene, seen = RayScene(surface, faces), np.zeros(POINTS, bool)
    for number in range(CAMERAS):
        angle = 2 * np.pi * number / CAMERAS
        eye = skin.mean(0) + [RADIUS_M * np.cos(angle), (0.5, 0.0)[number % 2], RADIUS_M * np.sin(angle)]
        ray = eye - p
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        facing = np.flatnonzero((ray * normal).sum(1) > FACING)
        hit = scene.cast(p[facing] + 1e-3 * normal[facing], ray[facing])
        seen[facing[np.isnan(hit.t)]] = True
    p, normal = p[seen], normal[seen]
    closest = RayScene(skin, model.faces).closest(p)
    corners = model.faces[closest.face]
    of_faces = np.cross(skin[corners[:, 1]] - skin[corners[:, 0]], skin[corners[:, 2]] - skin[corners[:, 0]])
    of_faces /= np.linalg.norm(of_faces, axis=1, keepdims=True)
    margin = np.sign(((p - closest.points) * of_faces).sum(1)) * closest.distance
    agree = (normal * of_faces).sum(1) > AGREEING
    patch = patches.of_vertex[corners[np.arange(len(corners)), closest.bary.argmax(1)]][agree]
    count = np.bincount(patch, minlength=len(patches.center))
    mean, square = (np.bincount(patch, margin[agree] ** k, len(count)) / np.maximum(count, 1) for k in (1, 2))
    return np.where(count > 0, [mean, np.sqrt(np.maximum(square - mean**2, 0))], np.nan)


if __name__ == "__main__":
    main()
