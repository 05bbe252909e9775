"""The phone of an SMC file: it stood on a mount, has one pose, and a lens that it tells with each frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from calibration.rig import device_of
from capture.errors import CaptureError
from capture.iphone.message import PhoneMessage
from capture.session import Session
from geometry.camera import Camera
from humanrig.export.rgbd_devices import is_phone
from humanrig.export.smc_file import SmcWriter
from humanrig.export.smc_images import write_image


@dataclass(frozen=True)
class Phone:
    """The phone on its mount: its frames have numbers of their own."""

    session: Session
    device: str
    camera: Camera

    @classmethod
    def of(cls, session: Session, cameras: dict[str, Camera]) -> Phone | None:
        """The first phone that has colour and a place in the world."""
        for stream in session.of_kind("color"):
            device = device_of(stream)
            if is_phone(session, device) and stream in cameras:
                return cls(session, device, cameras[stream])
        return None

    @property
    def frames(self) -> int:
        """Of its colour camera."""
        return self.session.stream(f"{self.device}/color").frames

    def write(self, file: SmcWriter, lost: list[str], on_frame: Callable[[int], None]) -> None:
        """All of its frames."""
        streams = self.session.streams
        color, depth = streams[f"{self.device}/color"], streams.get(f"{self.device}/depth")
        size = (depth.width or 0, depth.height or 0) if depth else (0, 0)
        file.phone(color.frames, (self.camera.width, self.camera.height), size)
        times, _ = self.session.timestamps_us(color.name)
        for frame in range(color.frames):
            try:
                write_image(file, f"iPhone/0/Color/{frame}", self.session, color.name, frame)
                K, seconds = self.camera.K, float(times[frame]) * 1e-6
                if depth and frame < depth.frames:
                    write_image(file, f"iPhone/0/Depth/{frame}", self.session, depth.name, frame)
                message = self._message(frame)
                if message is not None:
                    file.image(f"iPhone/0/Confidence/{frame}", message.confidence)
                    K, seconds = message.K, message.timestamp_s
                file.phone_lens(frame, K, seconds)
            except CaptureError as error:
                lost.append(f"iPhone/0/Color/{frame} ({error})")
            on_frame(frame + 1)

    def _message(self, frame: int) -> PhoneMessage | None:
        stream = self.session.streams.get(f"{self.device}/imu")
        if stream is None or frame >= stream.frames:
            return None
        values = self.session.frame(stream.name, frame).payload
        return PhoneMessage.of(values) if "confidence" in values else None

    def about(self) -> str:
        """A line for source.txt."""
        return (
            f"iPhone/0: {self.device}, {self.frames} frames with numbers of their own, at the times that CameraInfo "
            "gives on the phone's clock; its pictures are as the phone holds its sensor (landscape)"
        )
