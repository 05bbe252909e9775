"""What a phone says of each of its frames: when, with which lens, and where it believes to be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from calibration.errors import CalibrationError
from capture.iphone.message import PhoneMessage
from capture.session import INSTANTS, Session
from geometry.camera import Camera
from geometry.rigid import is_rigid

FLIP = np.diag([1.0, -1.0, -1.0, 1.0])
"""ARKit's camera looks along -z with y up; ours along z with y down. The only place where this is turned."""
NO_FRAME = -1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PhonePath:
    """A take of a phone without its images."""

    name: str
    """The device: `iphone_000`."""
    time_us: Int64[np.ndarray, "frames"]
    """On the session's clock."""
    Ks: Float[np.ndarray, "frames 3 3"]
    """Of the colour image: focus and stabiliser move it. ARKit gives no distortion."""
    Ts_arkit_camera: Float[np.ndarray, "frames 4 4"]
    """Camera axes as OpenCV; ARKit's world is y up."""
    color_index: Int64[np.ndarray, "frames"]
    """Of the frame in the colour stream; -1 where it has no picture."""
    depth_index: Int64[np.ndarray, "frames"]
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.time_us)

    def camera(self, frame: int, T_world_camera: Float[np.ndarray, "4 4"] | None = None) -> Camera:
        """The colour camera of a frame."""
        return Camera(
            name=f"{self.name}/color",
            K=self.Ks[frame],
            width=self.width,
            height=self.height,
            T_world_camera=np.eye(4) if T_world_camera is None else T_world_camera,
        )

    @property
    def travel_m(self) -> Float[np.ndarray, "frames"]:
        """Way from the first frame to each, as the phone believes."""
        steps = np.linalg.norm(np.diff(self.Ts_arkit_camera[:, :3, 3], axis=0), axis=-1)
        return np.concatenate([[0.0], np.cumsum(steps)])

    @property
    def seconds(self) -> Float[np.ndarray, "frames"]:
        """Since the first frame."""
        return (self.time_us - self.time_us[0]) * 1e-6


def phone_path(session: Session, name: str) -> PhonePath:
    """The path of a session's phone.

    Times are on the session's clock where the stage `sync` has matched the phone, else on the phone's own. Raises
    CalibrationError when the device is no phone, and CaptureError on damaged messages.
    """
    imu, color = f"{name}/imu", f"{name}/color"
    if imu not in session.streams or color not in session.streams:
        raise CalibrationError(
            f"{session.folder}: {name} is no phone, it has no {imu if color in session.streams else color}; "
            f"devices are {', '.join(session.devices)}"
        )
    device_us = session.timestamps_us(imu)[0]
    messages = []
    for frame in session.frames(imu):
        messages.append(PhoneMessage.of(frame.payload, f"{session.folder}: frame {frame.index} of {imu}"))
    if not messages:
        raise CalibrationError(f"{session.folder}: {name} sent no poses; record the take again")
    Ts = np.stack([_tidied(message.T_arkit_camera) for message in messages])
    bad = [n for n, T in enumerate(Ts) if not is_rigid(T)]
    if bad:
        raise CalibrationError(
            f"{session.folder}: {name} sent no rigid pose at frame {bad[0]} ({len(bad)} of {len(Ts)}); "
            "its tracking was lost: record the take again"
        )
    info = session.stream(color)
    return PhonePath(
        name=name,
        time_us=_on_session_clock(session, color, device_us),
        Ks=np.stack([message.K for message in messages]),
        Ts_arkit_camera=Ts @ FLIP,
        color_index=_indices(session, color, device_us),
        depth_index=_indices(session, f"{name}/depth", device_us),
        width=info.width or 0,
        height=info.height or 0,
    )


def _tidied(T: np.ndarray) -> np.ndarray:
    """The nearest rigid transform of one in single precision; as it is where it is none."""
    if not np.isfinite(T).all() or abs(np.linalg.det(T[:3, :3]) - 1) > 1e-3:
        return T
    u, _, vt = np.linalg.svd(T[:3, :3])
    tidy = np.eye(4)
    tidy[:3, :3], tidy[:3, 3] = u @ vt, T[:3, 3]
    return tidy


def _indices(session: Session, stream: str, device_us: np.ndarray) -> np.ndarray:
    """Frames of a stream that were taken at the times; -1 for none."""
    if stream not in session.streams:
        return np.full(len(device_us), NO_FRAME, np.int64)
    at = {int(time): index for index, time in enumerate(session.timestamps_us(stream)[0])}
    return np.array([at.get(int(time), NO_FRAME) for time in device_us], np.int64)


def _on_session_clock(session: Session, stream: str, device_us: np.ndarray) -> np.ndarray:
    """Device times moved by what the matched frames say, linear between them."""
    if not session.path(*INSTANTS).exists():
        return device_us
    own = session.timestamps_us(stream)[0]
    pairs = [
        (int(own[i.index[stream]]), i.time_us + i.offset_us.get(stream, 0)) for i in session.instants() if i.has(stream)
    ]
    if not pairs:
        return device_us
    device, shared = np.array(sorted(set(pairs)), np.int64).T
    return device_us + np.round(np.interp(device_us, device, shared - device)).astype(np.int64)
