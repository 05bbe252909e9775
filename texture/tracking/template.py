"""A surface that hangs on the body: its shape at rest, which joints move it, and where the body's correctives go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.spatial import KDTree

from geometry.face_raster.vertex_normals import vertex_normals
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from texture.errors import TextureError
from texture.surfaces.binding import Binding, strongest_influences
from texture.tracking.body_clip import BodyClip
from texture.tracking.mesh_kernels import Neighbours, blended

NORMAL_M = 0.06
"""What a normal turned by 90 degrees counts for in the search of the body's nearest vertex: an arm that lies against
the chest is 20 to 40 mm away and faces the other way."""
SMOOTHING_STEPS = 12
"""Of the attachment over the surface. It takes the steps out of weights between body vertices, and carries them
across gaps between limbs that cloth spans."""
NEAR_SHARE, FAR_M = 0.3, 0.04
"""A surface on the skin keeps this much less than its neighbours' mean at each step; one that stands off by `FAR_M`
takes all of it, for the nearest point of the body is then an accident."""
NEGLIGIBLE = 1e-3
"""Attachments below are dropped at each step; more than enough for weights that are stored to 1/255."""
THIN_M = 0.02
"""Where a surface is thinner, its two sides are linked. The inside of a skirt is seen by nobody: without links it stays
behind, and comes out through the outside as soon as the cloth swings."""
SOUND = 0.3
"""Least determinant of a blended transform that is inverted; two joints turned 120 degrees against each other give
0.25. Below, the vertex hangs on its strongest joint alone."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Posed:
    """A template where the body takes it."""

    vertices: Float[np.ndarray, "vertices 3"]
    """In the world, metres."""
    linear: Float[np.ndarray, "vertices 3 3"]
    """From the rest pose to the world; nearly rotations."""
    corrective: Float[np.ndarray, "vertices 3"]
    """The part of `vertices` that the body's pose correctives give, and a skin leaves out; world axes."""

    def at_rest(self, v_world: Float[np.ndarray, "vertices 3"]) -> Float[np.ndarray, "vertices 3"]:
        """Vectors turned back to the rest pose. The transpose of what is nearly a rotation never makes them grow."""
        return np.einsum("vji,vj->vi", self.linear, v_world)

    def in_world(self, v_rest: Float[np.ndarray, "vertices 3"]) -> Float[np.ndarray, "vertices 3"]:
        """Vectors turned from the rest pose into the world."""
        return np.einsum("vij,vj->vi", self.linear, v_rest)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Template:
    """What is tracked."""

    mesh: TriangleMesh
    """At the instant that it was made of (or as scanned), with texture coordinates where it has some."""
    binding: Binding
    attachment: csr_array
    """(vertices, body): from values at the body's vertices to values here."""
    neighbours: Neighbours
    """Vertices that share an edge, and the two sides of what is thin."""
    edge_m: Float[np.ndarray, "edges"]
    """Lengths of `edges`."""
    edges: Integer[np.ndarray, "edges 2"]

    def __len__(self) -> int:
        """Number of vertices."""
        return len(self.binding)

    def posed(self, clip: BodyClip, row: int) -> Posed:
        """Where the body alone takes it at an instant."""
        linear, shift = blended(self.binding.joints, self.binding.weights, clip.Ts_world_rest[row])
        bare = np.einsum("vij,vj->vi", linear, self.binding.rest.astype(np.float64)) + shift
        corrective = self.attachment @ clip.correctives(row)
        return Posed(vertices=bare + corrective, linear=linear, corrective=corrective)


def hang(mesh: TriangleMesh, clip: BodyClip, row: int) -> Template:
    """A surface seen at an instant of the clip, hung on the body of that instant.

    Each vertex takes the skinning weights of the nearest body vertex that faces the same way; the attachment is
    smoothed over the surface. Re-posed at `row`, it is the surface again. Raises TextureError for a surface that is
    empty or not finite.
    """
    vertices = np.asarray(mesh.vertices, np.float64)
    if not len(mesh.faces) or not np.isfinite(vertices).all():
        broken = int((~np.isfinite(vertices)).any(1).sum())
        raise TextureError(
            f"a surface with {len(mesh.faces)} faces, and {broken} of {len(vertices)} vertices not finite, cannot be "
            "tracked; make it again"
        )
    normals = vertex_normals(vertices, mesh.faces, np.float64)
    neighbours = Neighbours.of(mesh.faces, len(vertices), _links(vertices, normals, mesh.faces))
    attachment = _attachment(vertices, normals, neighbours, clip, row)
    joints, weights = strongest_influences(attachment @ clip.weights)
    linear, _ = blended(joints, weights, clip.Ts_world_rest[row])
    torn = np.linalg.det(linear) < SOUND
    weights[torn] = (1.0, 0.0, 0.0, 0.0)
    joints = np.where(weights > 0, joints, 0)
    linear, shift = blended(joints, weights, clip.Ts_world_rest[row])
    moved = vertices - attachment @ clip.correctives(row) - shift
    rest = np.linalg.solve(linear, moved[..., None])[..., 0]
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    edges = np.unique(np.sort(edges, 1), axis=0)
    return Template(
        mesh=mesh,
        binding=Binding(
            rest=rest.astype(np.float32), joints=joints.astype(np.uint8), weights=weights.astype(np.float32)
        ),
        attachment=attachment,
        neighbours=neighbours,
        edges=edges,
        edge_m=np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1),
    )


def _links(vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray) -> Integer[np.ndarray, "links 2"]:
    """Each vertex with the nearest corner of the face that lies behind it, where that is near."""
    behind = RayScene(vertices, faces).cast(vertices - 1e-4 * normals, -normals)
    thin = np.flatnonzero(behind.t < THIN_M)
    uv = behind.uv[thin]
    corner = np.argmax(np.stack([1 - uv.sum(1), uv[:, 0], uv[:, 1]], 1), 1)
    return np.stack([thin, faces[behind.face[thin], corner]], 1)


def _attachment(
    vertices: np.ndarray, normals: np.ndarray, neighbours: Neighbours, clip: BodyClip, row: int
) -> csr_array:
    """Rows sum to 1."""
    body = clip.vertices[row]
    known = np.hstack([body, NORMAL_M / np.sqrt(2) * vertex_normals(body, clip.faces, np.float64)])
    nearest = KDTree(known).query(np.hstack([vertices, NORMAL_M / np.sqrt(2) * normals]))[1]
    count = len(vertices)
    matrix = coo_array((np.ones(count), (np.arange(count), nearest)), shape=(count, len(body))).tocsr()
    distance = np.linalg.norm(body[nearest] - vertices, axis=1)
    share = np.clip(NEAR_SHARE + (1 - NEAR_SHARE) * distance / FAR_M, NEAR_SHARE, 1.0)
    step = diags_array(1 - share) + diags_array(share) @ neighbours.averaging()
    for _ in range(SMOOTHING_STEPS):
        matrix = csr_array(step @ matrix)
        matrix.data[matrix.data < NEGLIGIBLE] = 0.0
        matrix.eliminate_zeros()
        matrix = csr_array(diags_array(1 / np.asarray(matrix.sum(1)).ravel()) @ matrix)
    return matrix
