"""What the stages left in a session, opened: the files that evaluation and report read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from body.loading import load_body_model
from body.model import BodyModel
from body.parameters import BodyParameters
from capture.session import Session
from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh
from geometry.npz_files import DAMAGED, damage, read_npz
from humanrig import manifest
from humanrig.errors import HumanrigError
from texture.files.mesh_sequence import MeshSequence

PERSON = "person00"


@dataclass(frozen=True)
class Results:
    """The reconstruction of one person in a session."""

    session: Session
    person: str = PERSON

    @property
    def number(self) -> int:
        """How clouds and masks count the person: 1 for person01."""
        return int(self.person.removeprefix("person"))

    @cached_property
    def body(self) -> dict[str, np.ndarray]:
        """Arrays of body/personNN.npz (docs/conventions.md). Raises HumanrigError when the stage has not run."""
        return self._arrays("body", "register")

    @cached_property
    def keypoints(self) -> dict[str, np.ndarray]:
        """Arrays of keypoints/personNN.npz. Raises HumanrigError when the stage has not run."""
        return self._arrays("keypoints", "keypoints")

    @cached_property
    def meshes(self) -> MeshSequence:
        """The surfaces in mesh/. Raises HumanrigError when the stage has not run."""
        path = self.session.path("mesh", f"{self.person}.npz")
        if not path.is_file():
            raise HumanrigError(f"{path} is missing; run: humanrig reconstruct {self.session.folder} --from mesh")
        return MeshSequence.open(path.parent, self.person)

    @cached_property
    def model(self) -> BodyModel:
        """The body model that the fit used. Raises HumanrigError when another one is set now."""
        model = load_body_model()
        used = str(self.body["model_sha256"])
        if model.sha256 != used:
            raise HumanrigError(
                f"{self.session.folder} was fitted with the body model {self.body['model']} ({used[:12]}…), now "
                f"{model.name} ({model.sha256[:12]}…) is set; set HUMANRIG_BODY_MODEL to the former, or fit again"
            )
        return model

    @cached_property
    def parameters(self) -> BodyParameters:
        """The fitted body, in the session's world."""
        return read_parameters(self.body)

    @property
    def instants(self) -> list[int]:
        """Instants that have a body."""
        return self.body["instants"].tolist()

    def cloud(self, instant: int) -> PointCloud | None:
        """The person's points of the fused cloud of an instant; None for a session without depth."""
        path = self.session.path("clouds", f"{instant:06d}.npz")
        if not path.is_file():
            return None
        arrays = read_arrays(path)
        if "points" not in arrays:
            raise HumanrigError(f"{path} has no points; run the stage clouds again")
        cloud = PointCloud(**arrays)
        return cloud if cloud.person is None else cloud[cloud.person == self.number]

    @property
    def has_surface(self) -> bool:
        """Whether there are meshes, and they were made from the present bodies."""
        body, mesh = (manifest.read(self.session.path(folder)) for folder in ("body", "mesh"))
        return body is not None and mesh is not None and mesh.inputs.get("register") == body.digest

    def surface(self, instant: int) -> TriangleMesh:
        """The final mesh, body and clothes, of an instant, with texture coordinates."""
        return self.meshes.surface(instant)

    def _arrays(self, folder: str, stage: str) -> dict[str, np.ndarray]:
        path = self.session.path(folder, f"{self.person}.npz")
        if not path.is_file():
            raise HumanrigError(f"{path} is missing; run: humanrig reconstruct {self.session.folder} --from {stage}")
        return read_arrays(path)


def people(session: Session) -> tuple[str, ...]:
    """person00, person01, … who have a body. Raises HumanrigError when nobody has."""
    found = sorted(path.stem for path in session.path("body").glob("person[0-9][0-9].npz"))
    if not found:
        raise HumanrigError(
            f"{session.path('body', PERSON)}.npz is missing; run: humanrig reconstruct {session.folder} --from register"
        )
    return tuple(found)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of an npz file. Raises HumanrigError when the file is damaged."""
    try:
        return read_npz(path)
    except DAMAGED as error:
        raise HumanrigError(f"{path} cannot be read ({damage(error)}); run its stage again") from None


def read_parameters(arrays: dict[str, np.ndarray]) -> BodyParameters:
    """Body parameters from the arrays of body/ or truth/body/."""
    return BodyParameters(
        betas=arrays["betas"].astype(np.float64),
        global_orient=arrays["global_orient"].astype(np.float64),
        body_pose=arrays["body_pose"].astype(np.float64),
        transl=arrays["transl"].astype(np.float64),
        child=float(arrays.get("child", np.zeros(()))),
    )
