"""What was really there in a simulated take: `truth/` of a session, written and read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int64

from body.model import BodyModel
from body.parameters import BodyParameters
from capture.errors import CaptureError
from capture.session import Session
from capture.virtual.config import SimulationConfig
from capture.virtual.person import Appearance
from capture.virtual.rendering import TRUTH_UNITS_PER_M
from capture.virtual.rig import VirtualDevice
from capture.virtual.subject import Subject
from geometry.camera import Camera
from geometry.camera_files.cameras_json import read_cameras, write_cameras
from geometry.mesh import TriangleMesh

PERSON = "person00"


def write_truth(
    folder: Path,
    config: SimulationConfig,
    rig: tuple[VirtualDevice, ...],
    subject: Subject,
    time_us: Int64[np.ndarray, "frames"],
) -> None:
    """Writes truth/ of a session, all but the clean depth images."""
    truth, parameters = folder / "truth", subject.parameters
    (truth / "body").mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        truth / "body" / f"{PERSON}.npz",
        betas=parameters.betas,
        child=parameters.child,
        global_orient=parameters.global_orient,
        body_pose=parameters.body_pose,
        transl=parameters.transl,
        joints=subject.joints,
        instants=np.arange(len(parameters)),
        time_us=time_us,
        model=subject.model,
        model_sha256=subject.model_sha256,
    )
    np.savez_compressed(truth / "outfit.npz", offsets=subject.appearance.offsets, texture=subject.appearance.texture)
    write_cameras(truth / "cameras.json", [c for d in rig for c in (d.color, d.depth)], source="virtual rig, as placed")
    scene = {
        "exposure": "all sensors at the same moment",
        "clean_depth": "truth/depth/STREAM/NNNNNN.png, uint16 tenths of a millimetre, 0 beyond 6.5535 m",
        "config": asdict(config),
        "devices": {
            d.name: {"depth_bias_mm": 1e3 * d.depth_bias_m, "color_gain": [float(g) for g in d.color_gain]} for d in rig
        },
    }
    (truth / "scene.json").write_text(json.dumps(scene, indent=1), "utf-8")


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
    def frames(self) -> int:
        """Number of instants."""
        return len(self._body["transl"])

    def parameters(self) -> BodyParameters:
        """Shape (all coefficients of the simulated body), pose and translation of each instant."""
        names = ("betas", "global_orient", "body_pose", "transl")
        return BodyParameters(**{name: self._body[name] for name in names}, child=float(self._body["child"]))

    def joints(self) -> Float[np.ndarray, "frames joints 3"]:
        """Joints in the world, metres."""
        return self._body["joints"]

    def body_vertices(self, instant: int) -> Float[np.ndarray, "vertices 3"]:
        """The bare body in the world, metres."""
        return self._load_model().pose(self.parameters()[slice(self._checked(instant), instant + 1)]).vertices[0]

    def mesh(self, instant: int, dressed: bool = True) -> TriangleMesh:
        """The surface in the world: as the cameras saw it, or the bare body with its texture coordinates."""
        vertices = self.body_vertices(instant)
        outfit = self._appearance
        if dressed:
            return outfit.dress(vertices)
        return TriangleMesh(vertices=vertices, faces=outfit.faces, uv=outfit.uv, uv_faces=outfit.uv_faces)

    def cameras(self) -> dict[str, Camera]:
        """The cameras as they stood."""
        return read_cameras(self.session.path("truth", "cameras.json"))

    def config(self) -> SimulationConfig:
        """The configuration that made the take."""
        values = json.loads(self.session.path("truth", "scene.json").read_text("utf-8"))["config"]
        if values["betas"] is not None:
            values["betas"] = tuple(values["betas"])
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

    @cached_property
    def _body(self) -> dict[str, np.ndarray]:
        with np.load(self.session.path("truth", "body", f"{PERSON}.npz")) as arrays:
            return dict(arrays)

    @cached_property
    def _appearance(self) -> Appearance:
        model = self._load_model()
        assert model.uv is not None
        assert model.uv_faces is not None
        with np.load(self.session.path("truth", "outfit.npz")) as arrays:
            return Appearance(faces=model.faces, uv=model.uv, uv_faces=model.uv_faces, **arrays)

    @cached_property
    def _default_model(self) -> BodyModel:
        from body.loading import load_body_model

        return load_body_model()

    def _load_model(self) -> BodyModel:
        model = self.model or self._default_model
        if model.sha256 != str(self._body["model_sha256"]):
            raise CaptureError(
                f"{self.session.folder} was simulated with body model '{self._body['model']}', not with this "
                f"'{model.name}'; open it with the same model file"
            )
        return model

    def _checked(self, instant: int) -> int:
        if not 0 <= instant < self.frames:
            raise CaptureError(f"{self.session.folder} has {self.frames} instants in truth/, there is no {instant}")
        return instant
