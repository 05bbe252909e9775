"""A solved rig moved into another world, with all that is stated in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from calibration.rig_solve.result import RigSolve
from calibration.world.placing import move_covariance, move_world, turned_centers
from geometry.rigid import transform


def placed_solve(solve: RigSolve, T_new_world: Float[np.ndarray, "4 4"]) -> RigSolve:
    """The same solve in another world: p_new = T_new_world @ p_world."""
    solution, joint = solve.solution, solve.solution.joint_covariance
    if joint is not None:
        joint = turned_centers(joint, len(solution.covariance.cameras), T_new_world)
    moved = replace(
        solution,
        cameras={name: camera.at(T_new_world @ camera.T_world_camera) for name, camera in solution.cameras.items()},
        T_world_board={instant: T_new_world @ T for instant, T in solution.T_world_board.items()},
        covariance=move_covariance(solution.covariance, T_new_world),
        joint_covariance=joint,
    )
    return replace(
        solve,
        calibration=move_world(solve.calibration, T_new_world),
        solution=moved,
        volume_middle=transform(T_new_world, solve.volume_middle),
        moved=tuple(replace(m, T_world_camera_other=T_new_world @ m.T_world_camera_other) for m in solve.moved),
    )
