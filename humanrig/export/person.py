"""What the exports read of a reconstructed person: rows and meshes, with errors that say what to run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from capture.session import Session
from geometry.mesh import TriangleMesh
from humanrig.errors import HumanrigError
from humanrig.results import Results, people
from texture.files.mesh_sequence import MeshSequence

_MOTION = ("betas", "global_orient", "body_pose", "transl", "joints")
_BODY = (*_MOTION, "instants", "time_us", "model", "model_sha256")
_KEYPOINTS = ("instants", "names", "p_world")


def everybody(session: Session) -> list[Results]:
    """All people who have a body. Raises HumanrigError when nobody has, and for a body that cannot be exported."""
    found = [Results(session, person) for person in people(session)]
    for results in found:
        _check_body(results)
    return found


def keypoints_of(results: Results) -> dict[str, np.ndarray]:
    """Arrays of keypoints/personNN.npz. Raises HumanrigError when it is missing, damaged or lacks what is exported."""
    again = f"run: humanrig reconstruct {results.session.folder} --from keypoints"
    path = results.session.path("keypoints", f"{results.person}.npz")
    _require(results.keypoints, _KEYPOINTS, path, again)
    return results.keypoints


def _require(arrays: Mapping[str, np.ndarray], names: Sequence[str], path: Path, again: str) -> None:
    if lacking := [name for name in names if name not in arrays]:
        raise HumanrigError(f"{path} has no {', '.join(lacking)}; {again}")


def _check_body(results: Results) -> None:
    body, path = results.body, results.session.path("body", f"{results.person}.npz")
    again = f"run: humanrig reconstruct {results.session.folder} --from register"
    _require(body, _BODY, path, again)
    if not len(body["instants"]):
        raise HumanrigError(f"{path} holds no instant; {again}")
    for name in _MOTION:
        if not np.isfinite(body[name]).all():
            raise HumanrigError(f"{path}: {name} is not finite everywhere; {again}")
    for name in ("instants", "time_us"):
        if (np.diff(body[name]) <= 0).any():
            raise HumanrigError(f"{path}: {name} do not increase; {again}")


def body_rows(results: Results, instants: Collection[int] | None = None) -> Int[np.ndarray, "frames"]:
    """Rows of body/ for the instants, in order; None for all. Raises HumanrigError when there are none."""
    known = results.body["instants"]
    rows = np.flatnonzero(np.ones(len(known), bool) if instants is None else np.isin(known, list(instants)))
    if not len(rows):
        raise HumanrigError(
            f"{results.session.folder} has no body for the wanted instants; "
            f"run: humanrig reconstruct {results.session.folder} --from register"
        )
    return rows


def surfaces(results: Results) -> MeshSequence:
    """The person's surfaces. Raises HumanrigError when the stage has not run, or made none."""
    if not len(results.meshes.instants):
        raise HumanrigError(
            f"{results.session.folder} has no surface of {results.person}; "
            f"run: humanrig reconstruct {results.session.folder} --from mesh"
        )
    return results.meshes


def mesh_instants(results: Results) -> list[int]:
    """Instants that have a mesh, in order. Raises HumanrigError as `surfaces` does."""
    return surfaces(results).instants.tolist()


def mesh_at(results: Results, instant: int) -> TriangleMesh:
    """The mesh of an instant in the world, float32 as it is stored, with texture coordinates."""
    mesh = results.surface(instant)
    return replace(mesh, vertices=mesh.vertices.astype(np.float32))
