"""The simulated person of one take: a body model with shape, motion and clothes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from body.model import BodyModel
from body.parameters import BodyParameters
from capture.errors import CaptureError
from capture.virtual.config import SimulationConfig
from capture.virtual.person import Appearance

BETAS_SEED = 5
MAX_BETA = 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """One person over a take, in the world frame, metres."""

    parameters: BodyParameters
    vertices: Float[np.ndarray, "frames vertices 3"]
    """The bare body."""
    joints: Float[np.ndarray, "frames joints 3"]
    appearance: Appearance
    model: str
    model_sha256: str

    @classmethod
    def of(
        cls,
        model: BodyModel,
        parameters: BodyParameters,
        *,
        texture: UInt8[np.ndarray, "rows columns 3"],
        offsets: Float[np.ndarray, "vertices"],
    ) -> Subject:
        """The person that `model` makes of the parameters, with the texture and the thickness of an outfit.

        Raises CaptureError for a model without texture coordinates.
        """
        if model.uv is None or model.uv_faces is None:
            raise CaptureError(f"body model '{model.name}' has no texture coordinates; simulate with the open body")
        posed = model.pose(parameters)
        return cls(
            parameters=parameters,
            vertices=posed.vertices,
            joints=posed.joints,
            appearance=Appearance(
                faces=model.faces, uv=model.uv, uv_faces=model.uv_faces, texture=texture, offsets=offsets
            ),
            model=model.name,
            model_sha256=model.sha256,
        )


def choose_betas(config: SimulationConfig, model: BodyModel) -> Float[np.ndarray, "shapes"]:
    """The shape that the configuration asks for, as many coefficients as the model has.

    Raises CaptureError when there are more betas than the model has, or the height is out of the model's reach.
    """
    count = model.shape_count
    if config.betas is None:
        rng = np.random.default_rng([config.seed, BETAS_SEED])
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
