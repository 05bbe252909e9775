"""A simulated person of one take: a body with its motion, and the surface that cameras see."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Integer, UInt8

from body.dual_quaternions import dual_quaternion_skin
from body.garments.costume import Costume
from body.model import BodyModel, PosedBody
from body.parameters import BodyParameters
from capture.errors import CaptureError
from capture.virtual.backdrop import INFRARED, INFRARED_FLOOR
from capture.virtual.config import SimulationConfig
from capture.virtual.figure import Figure
from capture.virtual.light import linear_from_srgb
from geometry.mesh import TriangleMesh

Skinning = Literal["dual quaternions", "linear"]
BETAS_SEED = 5
MAX_BETA = 2.0
MAX_CLOTH_REACH_M = 0.5
"""Clothes further out than this beyond the body's box are a fault of the cloth, not a skirt."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """One person over a take, in the world frame, metres."""

    parameters: BodyParameters
    """Pose and translation. With `rest_vertices` the betas are only the nearest body within the model."""
    vertices: Float[np.ndarray, "frames vertices 3"]
    """The bare body."""
    joints: Float[np.ndarray, "frames joints 3"]
    figure: Figure
    """The dressed surface."""
    surface: Float[np.ndarray, "frames points 3"]
    """Vertices of the figure, float32."""
    body_faces: Integer[np.ndarray, "faces 3"]
    """Of the bare body."""
    model: str
    model_sha256: str
    rest_vertices: Float[np.ndarray, "vertices 3"] | None = None
    """The exact body at rest where it is not one of the model's; None: it is the model's at these betas."""
    name: str = ""
    """The body's name in the bank of bodies."""
    description: dict[str, Any] = field(default_factory=dict)
    """Clothes and looks, fit for JSON."""
    about: dict[str, Any] = field(default_factory=dict)
    """Sex, age, height and the motion with its sources, fit for JSON."""

    @classmethod
    def of(
        cls,
        model: BodyModel,
        parameters: BodyParameters,
        *,
        texture: UInt8[np.ndarray, "rows columns 3"],
        offsets: Float[np.ndarray, "vertices"],
        rest_vertices: Float[np.ndarray, "vertices 3"] | None = None,
        name: str = "",
        description: dict[str, Any] | None = None,
    ) -> Subject:
        """The person with a painted outfit: its texture, and its thickness (metres) along the posed normals.

        Raises CaptureError for a model without texture coordinates.
        """
        if model.uv is None or model.uv_faces is None:
            raise CaptureError(f"body model '{model.name}' has no texture coordinates; simulate with the open body")
        posed = exact_body(model, parameters, rest_vertices)
        figure = Figure(faces=model.faces, uv=model.uv, uv_faces=model.uv_faces, texture=texture)
        return cls(
            parameters=parameters,
            vertices=posed.vertices,
            joints=posed.joints,
            figure=figure,
            surface=np.stack([thickened(v, model.faces, offsets) for v in posed.vertices]).astype(np.float32)
            if len(parameters)
            else np.zeros((0, model.vertex_count, 3), np.float32),
            body_faces=model.faces,
            model=model.name,
            model_sha256=model.sha256,
            rest_vertices=rest_vertices,
            name=name,
            description=description or {},
        )

    def first(self, frames: int) -> Subject:
        """The person in its first instants alone."""
        return replace(
            self,
            parameters=self.parameters[slice(0, frames)],
            vertices=self.vertices[:frames],
            joints=self.joints[:frames],
            surface=self.surface[:frames],
        )

    @classmethod
    def wearing(
        cls,
        model: BodyModel,
        parameters: BodyParameters,
        costume: Costume,
        *,
        rest_vertices: Float[np.ndarray, "vertices 3"] | None = None,
        name: str = "",
    ) -> Subject:
        """The person in a costume, clothes that are geometry of their own."""
        posed = exact_body(model, parameters, rest_vertices)
        assert posed.transforms is not None
        surface = np.empty((len(parameters), costume.vertex_count, 3), np.float32)
        for frame, (vertices, Ts_world_rest) in enumerate(zip(posed.vertices, posed.transforms)):
            surface[frame] = costume.dress(vertices, Ts_world_rest)
            if max((vertices.min(0) - surface[frame].min(0)).max(), (surface[frame].max(0) - vertices.max(0)).max()) > (
                MAX_CLOTH_REACH_M
            ):
                raise CaptureError(
                    f"clothes ({costume.description.get('wardrobe')}) fly off the body in frame {frame}; "
                    "choose another --wardrobe or seed"
                )
        return cls(
            parameters=parameters,
            vertices=posed.vertices,
            joints=posed.joints,
            figure=Figure(
                faces=costume.faces,
                uv=costume.uv,
                uv_faces=costume.uv_faces,
                texture=costume.texture,
                infrared=infrared_factors(costume),
            ),
            surface=surface,
            body_faces=model.faces,
            model=model.name,
            model_sha256=model.sha256,
            rest_vertices=rest_vertices,
            name=name,
            description=costume.description,
        )


def infrared_factors(costume: Costume) -> Float[np.ndarray, "faces"]:
    """Each face's near-infrared reflectance over the one that its colour suggests (see `Figure.infrared`)."""
    rows, columns = costume.texture.shape[:2]
    uv = costume.uv[costume.uv_faces].mean(1)
    column = np.clip(uv[:, 0] * columns, 0, columns - 1).astype(int)
    row = np.clip((1 - uv[:, 1]) * rows, 0, rows - 1).astype(int)
    suggested = INFRARED_FLOOR + linear_from_srgb(costume.texture[row, column]) @ INFRARED
    return (costume.infrared / suggested).astype(np.float32)


def exact_body(
    model: BodyModel,
    parameters: BodyParameters,
    rest_vertices: Float[np.ndarray, "vertices 3"] | None,
    skinning: Skinning = "dual quaternions",
) -> PosedBody:
    """The posed body: of the model, or of exact rest vertices, skinned with dual quaternions on the model's weights.

    The pelvis that `transl` moves is then that of the exact body. Its skin does not bend as the model's does: neither
    linear blending nor pose correctives are in it (`linear` is how takes of earlier versions were made).
    """
    if rest_vertices is None:
        return model.pose(parameters)
    if rest_vertices.shape != model.v_template.shape:
        raise CaptureError(
            f"a body of {len(rest_vertices)} vertices does not fit body model '{model.name}' with "
            f"{model.vertex_count}; simulate with the open body, or with --exact-model"
        )
    exact = replace(model, v_template=np.asarray(rest_vertices, np.float64))
    if skinning == "dual quaternions":  # only its joints are posed by the model: leave out what bends the skin
        exact = replace(exact, shapedirs=exact.shapedirs[..., :0], child_direction=None, posedirs=None)
    posed = exact.pose(replace(parameters, betas=np.zeros(0), child=0.0))
    if skinning == "linear":
        return posed
    assert posed.transforms is not None
    Rs_world, translation = posed.transforms[..., :3, :3], posed.transforms[..., :3, 3]
    return replace(
        posed, vertices=dual_quaternion_skin(exact.v_template[None], Rs_world, translation, np.asarray(model.weights))
    )


def thickened(
    vertices: Float[np.ndarray, "vertices 3"], faces: np.ndarray, offsets: Float[np.ndarray, "vertices"]
) -> Float[np.ndarray, "vertices 3"]:
    """Posed body vertices moved along their normals."""
    vertices = np.asarray(vertices, np.float64)
    return vertices + offsets[:, None] * TriangleMesh(vertices=vertices, faces=faces).vertex_normals()


def choose_betas(config: SimulationConfig, model: BodyModel, person: int = 0) -> Float[np.ndarray, "shapes"]:
    """The shape that the configuration asks for, as many coefficients as the model has.

    Raises CaptureError when there are more betas than the model has, or the height is out of the model's reach.
    """
    count = model.shape_count
    if config.betas is None:
        rng = np.random.default_rng([config.seed, BETAS_SEED, person])
        betas = np.clip(rng.standard_normal(count), -MAX_BETA, MAX_BETA)
    elif len(config.betas) > count:
        raise CaptureError(f"{len(config.betas)} betas given, body model '{model.name}' has {count}; give fewer")
    else:
        betas = np.pad(np.asarray(config.betas, np.float64), (0, count - len(config.betas)))
    return betas if config.height_m is None else _with_height(betas, config.height_m, model)


def _with_height(betas: np.ndarray, height_m: float, model: BodyModel) -> np.ndarray:
    def height(first: float) -> float:
        y = model.shaped(np.array([first, *betas[1:]]))[:, 1]
        return float(y.max() - y.min())

    low, high = -5.0, 5.0
    if not height(low) <= height_m <= height(high):
        raise CaptureError(
            f"height {height_m} m is out of reach of body model '{model.name}' with these betas "
            f"({height(low):.2f} to {height(high):.2f} m); choose another height or seed"
        )
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if height(middle) < height_m else (low, middle)
    return np.array([(low + high) / 2, *betas[1:]])
