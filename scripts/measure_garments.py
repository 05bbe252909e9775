"""Body under clothing: MakeHuman's CC0 base body in its CC0 suits, taken for scans; how near the skin is found.

python scripts/measure_garments.py FOLDER   (with hm08_base.obj and base/clothes; docs/shape.md says where from)

The scan of a suit is what an outer scanner would see: the suit, and the skin that it leaves bare. Vertices of the open
body are found on the base mesh by texture coordinates, which both share, so that errors are between the same points.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64

from body.loading import load_body_model
from body.model import BodyModel
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from registration.errors import RegistrationError
from registration.fit.parts import PART_NAMES, part_of_vertex
from registration.shape.estimate import ShapeEstimate, fit_shape
from registration.shape.scan_files import of_mesh
from registration.shape.scans import clean_scan

DECIMETRE = 0.1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BaseMesh:
    """The base mesh with its invisible helping geometry, metres, y up."""

    vertices: Float[np.ndarray, "vertices 3"]
    body: Int64[np.ndarray, "faces 3"]
    true_body: Float[np.ndarray, "model 3"]
    """Where the body model's vertices lie on it."""


def read_polygons(path: Path) -> tuple[np.ndarray, np.ndarray, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Vertices, texture coordinates, and for each group its triangles in both."""
    v: list[list[float]] = []
    vt: list[list[float]] = []
    groups: dict[str, tuple[list[list[int]], list[list[int]]]] = {}
    name = ""
    for line in path.read_text().splitlines():
        word = line.split()
        if word[:1] == ["v"]:
            v.append([float(x) for x in word[1:4]])
        elif word[:1] == ["vt"]:
            vt.append([float(x) for x in word[1:3]])
        elif word[:1] == ["g"]:
            name = word[1]
        elif word[:1] == ["f"]:
            corners = [[int(x or 1) - 1 for x in (corner + "/").split("/")[:2]] for corner in word[1:]]
            faces, uv_faces = groups.setdefault(name, ([], []))
            for k in range(1, len(corners) - 1):
                three = [corners[0], corners[k], corners[k + 1]]
                faces.append([corner[0] for corner in three])
                uv_faces.append([corner[1] for corner in three])
    arrays = {key: (np.array(f, np.int64), np.array(t, np.int64)) for key, (f, t) in groups.items()}
    return np.array(v), np.array(vt), arrays


def base_mesh(path: Path, model: BodyModel) -> BaseMesh:
    """The base mesh, and the model's vertices on it."""
    v, vt, groups = read_polygons(path)
    faces, uv_faces = groups["body"]
    assert model.uv is not None
    assert model.uv_faces is not None
    uv = np.zeros((model.vertex_count, 2))
    uv[model.faces.ravel()] = model.uv[model.uv_faces.ravel()]
    flat = RayScene(np.column_stack([vt, 0 * vt[:, 0]]), uv_faces)
    found = flat.closest(np.column_stack([uv, 0 * uv[:, 0]]))
    v = DECIMETRE * v
    on = np.einsum("nk,nki->ni", found.bary, v[faces[found.face]])
    return BaseMesh(vertices=v, body=faces, true_body=on)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Garment:
    """A suit on the base mesh."""

    vertices: Float[np.ndarray, "vertices 3"]
    faces: Int64[np.ndarray, "faces 3"]
    hidden: Int64[np.ndarray, "some"]
    """Vertices of the base mesh that it covers."""


def garment(folder: Path, body: Float[np.ndarray, "vertices 3"]) -> Garment:
    """A garment of MakeHuman bound to the base mesh, by its .mhclo file: weights on three vertices and an offset."""
    scale, points, hidden, part = np.ones(3), [], [], ""
    for word in (line.split() for line in (folder / f"{folder.name}.mhclo").read_text().splitlines()):
        if not word:
            continue
        if word[0] in ("x_scale", "y_scale", "z_scale"):
            axis = "xyz".index(word[0][0])
            scale[axis] = abs(body[int(word[1]), axis] - body[int(word[2]), axis]) / float(word[3])
        elif word[0] in ("verts", "delete_verts"):
            part = word[0]
        elif part == "verts" and word[0].isdigit():
            if len(word) == 1:
                points.append(body[int(word[0])])
            else:
                corners = body[[int(x) for x in word[:3]]]
                points.append(np.array(word[3:6], float) @ corners + np.array(word[6:9], float) * scale)
        elif part == "delete_verts" and word[0].isdigit():
            hidden += _ranges(word)
    _, _, groups = read_polygons(folder / f"{folder.name}.obj")
    faces = np.concatenate([f for f, _ in groups.values()])
    return Garment(vertices=np.array(points), faces=faces, hidden=np.array(hidden, np.int64))


def _ranges(words: list[str]) -> list[int]:
    """Numbers and ranges: 3 - 5 9."""
    out: list[int] = []
    k = 0
    while k < len(words):
        if words[k] == "-":
            out += range(out[-1] + 1, int(words[k + 1]) + 1)
            k += 1
        else:
            out.append(int(words[k]))
        k += 1
    return out


def dressed(base: BaseMesh, garments: list[Garment]) -> TriangleMesh:
    """The scan: garments, and the body's faces that none of them covers."""
    covered = np.zeros(len(base.vertices), bool)
    for one in garments:
        covered[one.hidden] = True
    faces = [base.body[~covered[base.body].all(1)]]
    vertices, count = [base.vertices], len(base.vertices)
    for one in garments:
        faces.append(one.faces + count)
        vertices.append(one.vertices)
        count += len(one.vertices)
    return TriangleMesh(vertices=np.concatenate(vertices), faces=np.concatenate(faces))


def errors_mm(estimate: ShapeEstimate, true: Float[np.ndarray, "vertices 3"]) -> Float[np.ndarray, "vertices"]:
    """Distance of each vertex of the fitted body from where it truly is, in the scan's axes."""
    assert estimate.fit is not None
    R = estimate.fit.surface.sources[0].R_world_scan
    assert R is not None
    return 1000 * np.linalg.norm(true @ R.T - estimate.fit.posed.vertices[0], axis=1)


def main() -> int:
    """Prints one row for each suit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--betas", type=int, default=16)
    parser.add_argument("--suits", nargs="*", help="names of suits; all of them when left out")
    args = parser.parse_args()
    model = load_body_model()
    base = base_mesh(args.folder / "hm08_base.obj", model)
    part = part_of_vertex(model)
    clothes = args.folder / "base" / "clothes"
    suits = args.suits or sorted(p.name for p in clothes.iterdir() if p.name.startswith(("female", "male")))
    true_height = float(np.ptp(base.true_body[:, 1]))
    print("| scan | gap of the cloth, mm | PVE, mm | p95 | trunk | arms | legs | head | height error, mm | verdict |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in ["bare", *suits]:
        worn = [] if name == "bare" else [garment(clothes / name, base.vertices / DECIMETRE)]
        worn = [Garment(vertices=DECIMETRE * g.vertices, faces=g.faces, hidden=g.hidden) for g in worn]
        mesh = dressed(base, worn)
        gap = np.median(RayScene(base.vertices, base.body).closest(worn[0].vertices).distance) * 1000 if worn else 0.0
        try:
            source, up, _ = clean_scan(of_mesh(mesh), name, "m")
            estimate = fit_shape(model, [source], args.betas, up=up)
        except RegistrationError as error:
            print(f"| {name} | {gap:.1f} | {error} |", flush=True)
            continue
        error = errors_mm(estimate, base.true_body)
        of = {p: error[part == k].mean() for k, p in enumerate(PART_NAMES)}
        arms, legs = (np.mean([of[f"left_{x}"], of[f"right_{x}"]]) for x in ("arm", "leg"))
        print(
            f"| {name} | {gap:.1f} | {error.mean():.1f} | {np.percentile(error, 95):.1f} | {of['trunk']:.1f} | "
            f"{arms:.1f} | {legs:.1f} | {of['head']:.1f} | {1000 * (estimate.height_m - true_height):+.0f} | "
            f"{estimate.verdict} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
