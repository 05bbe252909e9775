"""Make a costume for one person's own body."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

import numpy as np
from scipy.spatial import KDTree

from body.appearance_atlas import atlas_of
from body.appearance_paint import beard_area, noise, paint_skin
from body.garments.charts import pack_charts
from body.garments.cloth import Cloth, strongest_joints
from body.garments.contact import BodyTopology
from body.garments.costume import Costume
from body.garments.draping import drape
from body.garments.fabric import paint_pieces
from body.garments.folds import FoldField, fold_field
from body.garments.footwear import shoes
from body.garments.form import Form, smoothing_neighbours
from body.garments.hair import hair
from body.garments.patterns import shirt, trousers, waist_height
from body.garments.piece import Piece
from body.garments.skirts import skirt
from body.garments.wardrobe import Attire, Fabric, Wardrobe, Worn, choose_attire
from body.model import BodyModel
from body.outfit import Outfit, Style

TEXTURE_SIZE: Final = 1024
"""Rows; the skin's square and the clothes' square lie side by side."""
GREY: Final = 128
"""sRGB of a costume without colours."""
SKIN_INFRARED: Final = 0.55
"""Assumed."""
_HIDDEN_M: Final = 0.035
"""Skin and inner cloth this far inside an outer garment's hems is not drawn."""
_LAYER_M: Final = 0.004
"""Between two garments."""
_NARROWING_M: Final = 0.10
"""Over this length outside an outer garment's hem an inner one narrows towards it."""
_INNER_MOST_M: Final = 0.009
"""An inner garment stays this close to the skin where another lies over it."""


def tailor(
    model: BodyModel,
    rng: np.random.Generator,
    wardrobe: Wardrobe | None = None,
    sex: Literal["female", "male"] | None = None,
    age_years: float | None = None,
    size: int = TEXTURE_SIZE,
    *,
    colors: bool = True,
) -> Costume:
    """A random costume for a body; `model.v_template` is the person's own shape.

    Without `colors` it is grey all over and the same in all else, made in half the time.
    Raises BodyError when the model has no UVs or lacks the face's keypoint vertices.
    """
    return make(model, choose_attire(rng, wardrobe, sex, age_years), size, colors=colors)


def make(model: BodyModel, attire: Attire, size: int = TEXTURE_SIZE, *, colors: bool = True) -> Costume:
    """The costume of chosen garments; the same attire gives the same costume. Raises as `tailor` does."""
    rng = np.random.default_rng(attire.seed)
    form = Form.of(model)
    pieces: list[Piece] = []
    fabrics: list[Fabric] = []
    for worn in attire.garments:
        for piece in _sew(form, worn, attire, rng):
            pieces.append(piece)
            fabrics.append(worn.fabric)
    for piece in hair(form, attire.hair_style, rng):  # type: ignore[arg-type]
        pieces.append(piece)
        fabrics.append(attire.hair)
    cloth, kept = _cloth(form, pieces, rng)
    bare = ~np.stack([_covered(piece, model.faces) for piece in pieces]).any(0)
    count = model.vertex_count
    of_piece = np.repeat(np.arange(len(pieces)), [len(piece.faces) for piece in pieces])
    infrared = np.concatenate(
        [np.full(int(bare.sum()), SKIN_INFRARED), np.array([f.infrared for f in fabrics])[of_piece[kept]]]
    )
    ends = np.cumsum([0, *(len(piece.rest) for piece in pieces)])
    faces = np.concatenate([model.faces[bare], cloth.faces[kept] + count]).astype(np.int32)
    costume = Costume(
        faces=faces,
        **grey(len(faces)),
        infrared=infrared.astype(np.float32),
        description=attire.describe(),
        topology=form.surface.topology,
        cloth=cloth,
        pieces={piece.name: slice(int(a), int(b)) for piece, a, b in zip(pieces, ends[:-1], ends[1:])},
    )
    if not colors:
        return costume
    assert model.uv is not None
    assert model.uv_faces is not None
    charts, half = pack_charts(pieces, size), np.array([0.5, 1.0])
    skin = _skin_texture(model, attire, size)
    return replace(
        costume,
        texture=np.concatenate([skin, paint_pieces(pieces, fabrics, charts, size, rng)], 1),
        uv=np.concatenate([model.uv * half, charts.uv * half + [0.5, 0.0]]).astype(np.float32),
        uv_faces=np.concatenate([model.uv_faces[bare], charts.uv_faces[kept] + len(model.uv)]).astype(np.int32),
    )


def grey(faces: int) -> dict[str, np.ndarray]:
    """Texture and texture coordinates of a costume without colours, for so many faces."""
    return {
        "texture": np.full((1, 1, 3), GREY, np.uint8),
        "uv": np.zeros((1, 2), np.float32),
        "uv_faces": np.zeros((faces, 3), np.int32),
    }


def painted(model: BodyModel, outfit: Outfit) -> Costume:
    """The costume of painted clothes: the body's own faces, moved along the posed normals by the outfit's offsets."""
    assert model.uv is not None
    assert model.uv_faces is not None
    return Costume(
        faces=np.asarray(model.faces, np.int32),
        uv=model.uv,
        uv_faces=model.uv_faces,
        texture=outfit.texture,
        infrared=np.full(len(model.faces), SKIN_INFRARED, np.float32),
        description=outfit.description,
        topology=BodyTopology.of(model.faces, model.vertex_count),
        offsets=outfit.offsets,
    )


def _sew(form: Form, worn: Worn, attire: Attire, rng: np.random.Generator) -> list[Piece]:
    if worn.cut == "shoes":
        return shoes(form, worn.loose)
    if worn.cut in ("trousers", "shorts", "tights"):
        return [drape(form, trousers(form, worn.cut, worn.loose), rng)]
    if worn.cut == "skirt":
        knee, ankle = float(form.joint("left_knee")[1]), float(form.joint("left_ankle")[1])
        top = waist_height(form) + (0.035 * form.scale if attire.wardrobe == "dress" else 0.0)
        end = knee + 0.06 * form.scale - worn.length * 0.6 * (knee - ankle)
        return [skirt(form, top, top - end, worn.flare, "skirt", rng)]
    return [drape(form, shirt(form, worn.cut, worn.loose, worn.tucked), rng)]


def _cloth(form: Form, pieces: list[Piece], rng: np.random.Generator) -> tuple[Cloth, np.ndarray]:
    """All pieces as one cloth with ordered layers, and which of its faces are drawn."""
    clearances = [piece.clearance.copy() for piece in pieces]
    ceilings = [np.full(len(piece.rest), np.inf) for piece in pieces]
    kept = [np.ones(len(piece.faces), bool) for piece in pieces]
    calm = [np.ones(len(piece.rest)) for piece in pieces]
    corners = [_corners(form, piece) for piece in pieces]
    for j, outer in enumerate(pieces):
        for i in range(j):
            inner = pieces[i]
            over = _cover_at(outer.cover, *corners[i])
            if not (over > 0).any():
                continue
            lift = np.clip(-over / 0.05, 0, 1)
            calm[i] *= np.where(over > -0.05, lift, 1.0)
            most = _INNER_MOST_M + 0.05 * np.clip((-over - 0.015) / _NARROWING_M, 0, 1)
            ceilings[i] = np.where(over > -_NARROWING_M, np.minimum(ceilings[i], most), ceilings[i])
            kept[i] &= ~(over[inner.faces] > _HIDDEN_M).all(1)
            distance = form.surface.signed_distances(inner.rest, inner.near.copy())
            own = np.minimum(distance, ceilings[i])[over > -0.02]
            gap, index = KDTree(inner.rest[over > -0.02]).query(outer.rest)
            needed = np.where(gap < 0.04, own[index] + _LAYER_M, 0.0)
            clearances[j] = np.maximum(clearances[j], needed)
    fields = []
    for piece, quiet in zip(pieces, calm):
        f = fold_field(piece, form.scale, rng)
        fields.append((f, quiet))
    starts, lists, first = [np.zeros(1, np.int32)], [], 0
    for piece in pieces:
        s, n = smoothing_neighbours(piece.faces, len(piece.rest))
        starts.append(s[1:] + starts[-1][-1])
        lists.append(n + first)
        first += len(piece.rest)
    offsets = np.cumsum([0, *(len(piece.rest) for piece in pieces)])[:-1]
    joints, shares = strongest_joints(np.concatenate([piece.weights for piece in pieces]))
    return (
        Cloth(
            rest=np.concatenate([piece.rest for piece in pieces]),
            faces=np.concatenate([piece.faces + k for piece, k in zip(pieces, offsets)]).astype(np.int32),
            joints=joints,
            shares=shares,
            starts=np.concatenate(starts).astype(np.int32),
            lists=np.concatenate(lists).astype(np.int32),
            soft=np.concatenate([np.full(len(piece.rest), piece.soft) for piece in pieces]),
            near=np.concatenate([piece.near for piece in pieces]),
            clearance=np.concatenate(clearances),
            ceiling=np.concatenate(ceilings),
            lofts=tuple((int(k), piece.loft) for piece, k in zip(pieces, offsets) if piece.loft is not None),
            crowded=np.concatenate(
                [np.full(len(p.rest), p.loft is None and (p.soft > 0 or p.name == "hair")) for p in pieces]
            ),
            folds=FoldField(
                ends=np.concatenate([f.ends + k for (f, _), k in zip(fields, offsets)]).astype(np.int32),
                lengths=np.concatenate([f.lengths for f, _ in fields]),
                waves=np.concatenate([f.waves for f, _ in fields]),
                deepest=np.concatenate([f.deepest * quiet[:, None] for f, quiet in fields]),
                gain=np.concatenate([f.gain * quiet[:, None] for f, quiet in fields]),
            ),
        ),
        np.concatenate(kept),
    )


def _corners(form: Form, piece: Piece) -> tuple[np.ndarray, np.ndarray]:
    """Distances and indices of the body vertices nearest to each point of a piece."""
    distance, vertices = KDTree(form.surface.vertices).query(piece.rest, k=4)
    return np.asarray(distance), np.asarray(vertices)


def _cover_at(cover: np.ndarray, distance: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Cover of points between vertices; that of the nearest where the others are of another part."""
    share = 1 / (distance + 0.002) ** 2
    mean = (share * cover[vertices]).sum(1) / share.sum(1)
    return np.where((cover[vertices] > -0.99).all(1), mean, cover[vertices[:, 0]])


def _covered(piece: Piece, faces: np.ndarray) -> np.ndarray:
    return np.all(piece.cover[faces] > _HIDDEN_M, axis=1)


def _skin_texture(model: BodyModel, attire: Attire, size: int) -> np.ndarray:
    atlas = atlas_of(model, size)
    style = Style(kind="minimal", skin=attire.skin, hair=attire.hair.colour, iris=attire.iris, garments=(),
                  seed=attire.seed)  # fmt: skip
    image = np.empty((size, size, 3), np.uint8)
    image[:] = np.round(255 * np.asarray(style.skin))
    colour = paint_skin(atlas.surface, style, np.random.default_rng(attire.seed))
    hair = np.asarray(attire.hair.colour) * 0.8
    hairs = 1 + 0.5 * noise(atlas.surface.points, 0.0015, np.random.default_rng(attire.seed))
    colour = colour + (hair - colour) * (attire.beard * beard_area(atlas.surface) * hairs)[:, None]
    image[atlas.covered] = np.round(255 * np.clip(colour, 0, 1))
    return image
