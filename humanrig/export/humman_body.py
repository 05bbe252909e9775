"""Body parameters as HuMMan stores them: ten betas, in the frame of the first colour camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from body.model import BodyModel
from body.parameters import BodyParameters
from body.reframing import in_frame
from humanrig.errors import HumanrigError

BETAS = 10
MOST_MM = 10.0
"""A larger loss of shape is refused. Ten betas hold adults to 4-7 mm RMS of the whole space of shapes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TenBetas:
    """A body whose shape was brought down to ten betas."""

    parameters: BodyParameters
    mean_mm: float
    """Mean distance of the rest vertices from those of the full shape; 0 when nothing was lost."""


def humman_body(model: BodyModel, parameters: BodyParameters, T_new_world: Float[np.ndarray, "4 4"]) -> TenBetas:
    """The same motion in the new world with ten betas; the pelvis stays where it is.

    Raises HumanrigError when ten betas are more than MOST_MM from the shape, as for a child.
    """
    betas, mean_mm = ten_betas(model, parameters)
    if mean_mm > MOST_MM:
        child = f" and the child factor {parameters.child:g}" if parameters.child else ""
        refit = f"run: humanrig reconstruct SESSION --from register --option register.betas={BETAS}; or "
        raise HumanrigError(
            f"the format has {BETAS} betas; they miss the fitted shape ({len(parameters.betas)} betas{child}) by "
            f"{mean_mm:.1f} mm; {'' if parameters.child else refit}export amass"
        )
    narrow = BodyParameters(
        betas=betas,
        global_orient=parameters.global_orient,
        body_pose=parameters.body_pose,
        transl=parameters.transl
        + model.rest_joints(parameters.betas, parameters.child)[0]
        - model.rest_joints(betas)[0],
    )
    return TenBetas(parameters=in_frame(model, narrow, T_new_world), mean_mm=mean_mm)


def ten_betas(model: BodyModel, parameters: BodyParameters) -> tuple[Float[np.ndarray, "10"], float]:
    """Ten betas nearest to the shape in the vertices, and the mean distance that is left, mm."""
    if len(parameters.betas) <= BETAS and not parameters.child:
        return np.concatenate([parameters.betas, np.zeros(BETAS - len(parameters.betas))]), 0.0
    wanted = model.shaped(parameters.betas, parameters.child) - model.v_template
    directions = model.shapedirs[..., :BETAS].reshape(wanted.size, -1).astype(np.float64)
    found = np.linalg.lstsq(directions, wanted.ravel(), rcond=None)[0]
    left = wanted - (directions @ found).reshape(wanted.shape)
    betas = np.concatenate([found, np.zeros(BETAS - len(found))])
    return betas, float(1000 * np.linalg.norm(left, axis=1).mean())
