"""A phone as a device of the rig: colour, depth, what it says of itself, and its clock against the host's."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace

import numpy as np

from capture.device import STALL_AFTER_S, Device, DeviceDescription, DeviceError, DeviceHealth, DeviceStream
from capture.device_frames import EncodedFrame
from capture.errors import CaptureError
from capture.iphone.clock_sync import Exchange
from capture.iphone.frame_message import PhoneFrame
from capture.iphone.phone_link import PhoneLink
from capture.iphone.protocol import Hello
from capture.iphone.server import PhoneServer
from capture.iphone.settings import PhoneSettings
from capture.session_info import DeviceInfo
from geometry.camera import Camera

WATCH_S = 0.2
PINGS_HZ = 20.0


class PhoneDriver(Device):
    """One phone that is connected to a server.

    `open` waits for the phone, `start` and `stop` are sent to it. When the link breaks the phone keeps its frames and
    sends them once it is back: nothing is lost and nothing comes twice. A link that stays broken makes the device
    stalled, with a sentence, and after `lost_after_s` lost. Lost, or closed as it runs over a broken link, and opened
    again, it goes on with the same take. Stopped, it waits `drain_s` for what the phone kept; the rest is discarded,
    and health says so.

    Streams: `color` jpeg, `depth` dzp and `imu` json (`PhoneMessage`) as far as the phone has them, and `clock`: one
    message a clock exchange, `{"offset_us", "rtt_us"}`, host minus phone; device and host time are its middle on either
    clock. The first messages of a take are the best exchanges of the minutes before it, marked `"before": true`.
    """

    def __init__(
        self,
        name: str,
        server: PhoneServer,
        *,
        settings: PhoneSettings | None = None,
        queue_bytes: int | None = None,
    ) -> None:
        """A closed device; the server is started by `open` where it does not run."""
        super().__init__(name, queue_bytes=queue_bytes)
        self.settings = PhoneSettings() if settings is None else settings
        self._server = server
        self._link: PhoneLink | None = None
        self._kinds: frozenset[str] = frozenset()
        self._exchanges = 0
        self._picture_s = 0.0
        self._left_behind = ""
        self._closing = False
        self._quit = threading.Event()
        self._watch: threading.Thread | None = None

    def health(self) -> DeviceHealth:
        """How the phone is doing; a broken link is told before its consequences."""
        health, remark = super().health(), self._remark()
        silent_s = time.monotonic() - max(self._picture_s, self._started_s)
        if self._state == "running" and not self._queue.finished and silent_s > STALL_AFTER_S:  # pings are not pictures
            health = replace(health, stalled=True)
            remark = remark or f"no picture for {silent_s:.1f} s, though the link stands; is its app in front?"
        return replace(health, message=remark) if remark and self._queue.failure is None else health

    def close(self) -> None:
        """Gives the phone back. One that runs keeps its take while its link is broken: it may be opened again soon."""
        self._closing = True
        try:
            super().close()
        finally:
            self._closing = False

    def phone_frame(self, frame: PhoneFrame, host_us: int) -> bool:
        """Takes a frame from the server's thread; False once the device has been lost: the phone shall keep it."""
        if self._queue.finished:
            return False
        self._picture_s = time.monotonic()
        payloads = {"color": frame.color, "depth": frame.depth, "imu": frame.message}
        for kind, data in payloads.items():
            if data is not None and kind in self._kinds:
                self._put(kind, frame.number, frame.device_us, host_us, data)
        return True

    def phone_exchange(self, exchange: Exchange) -> None:
        """Takes a clock exchange from the server's thread."""
        self._put_exchange(exchange, {})

    def _open(self) -> DeviceDescription:
        try:
            self._server.start()
            self._link = self._server.claim(self.name, self.settings.serial, self.settings.wait_s)
        except CaptureError as error:
            raise DeviceError(f"{self.name}: {error}") from None
        self._left_behind = ""
        hello = self._link.hello
        self._kinds = frozenset(stream.kind for stream in hello.streams)
        return describe_phone(self.name, hello)

    def _start(self) -> None:
        link = self._claimed()
        self._exchanges, self._left_behind = 0, ""
        for exchange in link.minima:
            self._put_exchange(exchange, {"before": True})
        link.begin(self)
        self._quit.clear()
        self._watch = threading.Thread(target=self._watch_link, name=f"watch {self.name}", daemon=True)
        self._watch.start()

    def _stop(self) -> None:
        self._quit.set()
        link = self._claimed()
        hold = self._queue.failure is not None or (self._closing and not link.connected)
        if not link.end(self.settings.drain_s, hold=hold):
            why = f"its link has been broken for {link.broken_s:.1f} s"
            if link.connected:
                why = f"it did not send all within {self.settings.drain_s:.0f} s"
            then = "they are sent if it is opened again" if hold else "they are discarded; check the take's last frame"
            self._left_behind = f"frames were left on the phone as it stopped: {why}; {then}"
        elif link.short:
            self._left_behind = f"the phone dropped the last {link.short} frames of the take; look at its memory"
        if self._watch is not None:
            self._watch.join()
            self._watch = None

    def _close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            self._server.release(link)

    def _remark(self) -> str:
        link = self._link
        if link is None or (self._left_behind and self._state != "running"):
            return self._left_behind
        if not link.connected:
            what = "it keeps its frames and sends them when it is back; " if self._state == "running" else ""
            return f"link broken for {link.broken_s:.1f} s; {what}bring its app to the front and check the Wi-Fi"
        return f"the phone says: {link.problem}" if link.problem else self._left_behind

    def _watch_link(self) -> None:
        link = self._claimed()
        while not self._quit.wait(WATCH_S):
            if link.broken_s > self.settings.lost_after_s:
                gone = f"phone {link.serial} has been gone for {link.broken_s:.0f} s"
                self._queue.fail(f"{gone}; bring its app to the front, check the Wi-Fi, and start the device again")
                return

    def _put_exchange(self, exchange: Exchange, more: dict[str, bool]) -> None:
        values = {"offset_us": round(exchange.offset_us, 1), "rtt_us": round(exchange.rtt_us, 1), **more}
        number, self._exchanges = self._exchanges, self._exchanges + 1
        self._put("clock", number, round(exchange.phone_us), round(exchange.host_us), json.dumps(values).encode())

    def _put(self, kind: str, number: int, device_us: int, host_us: int, data: bytes) -> None:
        stream = f"{self.name}/{kind}"
        self._queue.put(EncodedFrame(stream=stream, sequence=number, device_us=device_us, host_us=host_us, data=data))

    def _claimed(self) -> PhoneLink:
        assert self._link is not None  # between open and close
        return self._link


def describe_phone(name: str, hello: Hello) -> DeviceDescription:
    """The device that a hello describes. Its cameras move: their place in the world is not known, only in the phone."""
    streams = [
        DeviceStream(
            name=f"{name}/{stream.kind}",
            kind=stream.kind,
            encoding={"color": "jpeg", "depth": "dzp", "imu": "json"}[stream.kind],  # pyright: ignore[reportArgumentType]
            rate_hz=stream.rate_hz,
            width=stream.width,
            height=stream.height,
        )
        for stream in hello.streams
    ]
    clock = DeviceStream(name=f"{name}/clock", kind="clock", encoding="json", rate_hz=PINGS_HZ)
    note = "; ".join(text for text in (hello.camera, hello.app) if text)
    return DeviceDescription(
        info=DeviceInfo(name=name, model=hello.model or "phone", serial=hello.serial, clock=name, note=note),
        streams=(*streams, clock),
        cameras=_cameras(name, hello),
    )


def _cameras(name: str, hello: Hello) -> tuple[Camera, ...]:
    color, depth = hello.stream("color"), hello.stream("depth")
    if hello.K is None or color is None or color.width is None or color.height is None:
        return ()
    K = np.array(hello.K, np.float64).reshape(3, 3)
    camera = Camera(name=f"{name}/color", K=K, width=color.width, height=color.height)
    if depth is None or depth.width is None or depth.height is None:
        return (camera,)
    return camera, replace(camera.resized(depth.width, depth.height), name=f"{name}/depth")
