"""What was really there in a simulated take: reads `truth/` of a session."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from body.model import BodyModel
from body.parameters import BodyParameters
from capture.errors import CaptureError
from capture.session import Session
from capture.virtual.config import SimulationConfig
from capture.virtual.rendering import TRUTH_UNITS_PER_M
from capture.virtual.subject import exact_body
from geometry.camera import Camera
from geometry.camera_files.cameras_json import read_cameras
from geometry.mesh import TriangleMesh

PERSON = "person00"


@dataclass(frozen=True, eq=False)
class Truth:
    """The truth of a simulated session. Files are read when they are first asked for."""

    session: Session
    model: BodyModel | None = None

    @classmethod
    def open(cls, session: Session | Path | str, model: BodyModel | None = None) -> Truth:
        """The truth of a session; meshes need the body model that was simulated (None: the default body).

        Raises CaptureError for a session that was not simulated.
        """
        session = session if isinstance(session, Session) else Session.open(Path(session))
        if not session.path("truth", "scene.json").exists():
            raise CaptureError(f"{session.folder} has no truth/: it was not simulated; evaluate it by its residuals")
        return cls(session, model)

    @property
    def people(self) -> list[str]:
        """Names of the people: person00, person01, …"""
        return sorted(path.stem for path in self.session.path("truth", "body").glob("person*.npz"))

    @property
    def frames(self) -> int:
        """Number of instants."""
        return int(self._scene["frames"])

    def parameters(self, person: str = PERSON) -> BodyParameters:
        """Pose and translation of each instant, and the shape: exact, or the nearest within the model (see `exact`)."""
        body = self._body(person)
        names = ("betas", "global_orient", "body_pose", "transl")
        return BodyParameters(**{name: body[name] for name in names}, child=float(body["child"]))

    def exact(self, person: str = PERSON) -> bool:
        """Whether the body is one of the model's, so that its betas describe it exactly."""
        return "rest_vertices" not in self._body(person)

    def rest_vertices(self, person: str = PERSON) -> Float[np.ndarray, "vertices 3"]:
        """The naked body at rest, metres, y up, without pose correctives."""
        body = self._body(person)
        if "rest_vertices" in body:
            return body["rest_vertices"].astype(np.float64)
        return self._load_model(person).shaped(body["betas"], float(body["child"]))

    def joints(self, person: str = PERSON) -> Float[np.ndarray, "frames joints 3"]:
        """Joints of the naked body in the world, metres."""
        return self._body(person)["joints"]

    def bodies(self, instants: np.ndarray, person: str = PERSON) -> Float[np.ndarray, "instants vertices 3"]:
        """The naked body in the world at some instants, metres."""
        for instant in instants:
            self._checked(int(instant))
        body = self._body(person)
        rest = body["rest_vertices"].astype(np.float64) if "rest_vertices" in body else None
        skinning = "dual quaternions" if str(body.get("skinning", "linear")) == "dual quaternions" else "linear"
        parameters = self.parameters(person)[np.asarray(instants, int)]
        return exact_body(self._load_model(person), parameters, rest, skinning).vertices

    def body_vertices(self, instant: int, person: str = PERSON) -> Float[np.ndarray, "vertices 3"]:
        """The naked body in the world, metres."""
        return self.bodies(np.array([instant]), person)[0]

    def mesh(self, instant: int, dressed: bool = True, person: str = PERSON) -> TriangleMesh:
        """The surface in the world: as the cameras saw it, or the naked body with its texture coordinates."""
        if dressed:
            return self._figure(self.session.path("truth", "surface", person), self._checked(instant))
        return self._load_model(person).mesh(self.body_vertices(instant, person))

    def things(self, instant: int) -> dict[str, TriangleMesh]:
        """Meshes of the things in the room, by thing00, thing01, …"""
        folder = self.session.path("truth", "things")
        return {name: self._figure(folder / name, self._checked(instant)) for name in self._scene["things"]}

    def thing(self, name: str) -> dict[str, Any]:
        """What is known of a thing: its name, a board's squares, a box's sides. Raises CaptureError for others."""
        if name not in self._scene["things"]:
            raise CaptureError(
                f"{self.session.folder} has no {name}; it has {', '.join(self._scene['things']) or 'none'}"
            )
        return self._scene["things"][name]

    def thing_poses(self, name: str) -> Float[np.ndarray, "frames 4 4"]:
        """T_world_thing of a board or a box at each instant, or once when it stands still.

        Raises CaptureError for a thing without a pose.
        """
        path = self.session.path("truth", "things", f"{name}_pose.npy")
        if not path.is_file():
            raise CaptureError(
                f"{self.session.folder}: {self.thing(name)['name']} ({name}) has no pose; boards and boxes have"
            )
        return np.load(path)

    def cameras(self) -> dict[str, Camera]:
        """The cameras as they stood."""
        return read_cameras(self.session.path("truth", "cameras.json"))

    def config(self) -> SimulationConfig:
        """The configuration that made the take."""
        values = dict(self._scene["config"])
        if values["betas"] is not None:
            values["betas"] = tuple(values["betas"])
        values["subjects"] = tuple(values.get("subjects", ()))
        return SimulationConfig(**values)

    def depth(self, stream: str, instant: int) -> Float32[np.ndarray, "height width"]:
        """Exact depth at pixel centres, metres, to 0.1 mm; NaN beyond 6.5535 m.

        Raises CaptureError when the file is missing.
        """
        path = self.session.path("truth", "depth", stream, f"{instant:06d}.png")
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if image is None:
            raise CaptureError(f"{path} is missing or damaged; simulate the take again")
        return np.where(image == 0, np.nan, image / np.float32(TRUTH_UNITS_PER_M)).astype(np.float32)

    def mask(self, stream: str, instant: int) -> UInt8[np.ndarray, "height width"]:
        """Who is seen at each pixel centre: 0 the room, 1 person00, 2 person01, …, then the things.

        Raises CaptureError when the file is missing.
        """
        path = self.session.path("truth", "masks", stream, f"{instant:06d}.png")
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if image is None:
            raise CaptureError(f"{path} is missing or damaged; simulate the take again")
        return image

    def _body(self, person: str) -> dict[str, np.ndarray]:
        if person not in self._bodies:
            path = self.session.path("truth", "body", f"{person}.npz")
            if not path.is_file():
                raise CaptureError(
                    f"{self.session.folder} has no {person}; it has {', '.join(self.people) or 'nobody'}"
                )
            with np.load(path) as arrays:
                self._bodies[person] = dict(arrays)
        return self._bodies[person]

    @cached_property
    def _scene(self) -> dict[str, Any]:
        return json.loads(self.session.path("truth", "scene.json").read_text("utf-8"))

    @cached_property
    def _bodies(self) -> dict[str, dict[str, np.ndarray]]:
        return {}

    def _figure(self, stem: Path, instant: int) -> TriangleMesh:
        vertices = np.load(stem.with_suffix(".npy"), mmap_mode="r")
        with np.load(stem.with_suffix(".npz")) as arrays:
            return TriangleMesh(vertices=np.array(vertices[min(instant, len(vertices) - 1)], np.float64), **arrays)

    @cached_property
    def _default_model(self) -> BodyModel:
        from body.loading import load_body_model

        return load_body_model()

    def _load_model(self, person: str) -> BodyModel:
        model = self.model or self._default_model
        if model.sha256 != str(self._body(person)["model_sha256"]):
            raise CaptureError(
                f"{self.session.folder} was simulated with body model '{self._body(person)['model']}', not with this "
                f"'{model.name}'; open it with the same model file"
            )
        return model

    def _checked(self, instant: int) -> int:
        if not 0 <= instant < self.frames:
            raise CaptureError(f"{self.session.folder} has {self.frames} instants in truth/, there is no {instant}")
        return instant
