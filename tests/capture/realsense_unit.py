"""The SDK's software device as a unit of the D400 family, and a context that has it attached."""

import time

import numpy as np
import pyrealsense2 as rs

DEPTH_SIZE, COLOR_SIZE = (64, 48), (96, 64)
COLOR_COEFFS = [0.01, -0.02, 0.001, -0.002, 0.005]
BASELINE_M = 0.059


class SoftwareUnit:
    """A software device with a depth and a colour sensor; `send` feeds both."""

    def __init__(
        self,
        serial="923322071234",
        *,
        unit_m=0.001,
        format="rgb8",
        usb="3.2",
        options=True,
        lens=None,
        infrared=False,
        one_sensor=False,
    ):
        """`options`: whether it has those of a real unit. `lens`: colour's model. `infrared`: two imagers.
        `one_sensor`: colour comes from the depth sensor, as of a D405."""
        self.device = rs.software_device()
        for key, value in (
            ("name", "Intel RealSense D455"),
            ("serial_number", serial),
            ("firmware_version", "5.15.0.2"),
            ("recommended_firmware_version", "5.16.0.1"),
            ("usb_type_descriptor", usb),
        ):
            self.device.register_info(getattr(rs.camera_info, key), value)
        self.format, self.sent, self._kept = format, [], []
        self.depth = self.device.add_sensor("Stereo Module")
        self.color = self.depth if one_sensor else self.device.add_sensor("RGB Camera")
        bpp = {"rgb8": 3, "bgr8": 3, "yuyv": 2, "mjpeg": 1}[format]
        lens = lens or rs.distortion.inverse_brown_conrady
        self._depth_profile = self.depth.add_video_stream(
            video_stream(rs.stream.depth, 0, DEPTH_SIZE, rs.format.z16, 2, 50.0, rs.distortion.brown_conrady, [0.0] * 5)
        ).as_video_stream_profile()
        self._color_profile = self.color.add_video_stream(
            video_stream(rs.stream.color, 1, COLOR_SIZE, getattr(rs.format, format), bpp, 80.0, lens, COLOR_COEFFS)
        ).as_video_stream_profile()
        self._infrared = [
            self.depth.add_video_stream(
                video_stream(
                    rs.stream.infrared,
                    1 + i,
                    DEPTH_SIZE,
                    rs.format.y8,
                    1,
                    50.0,
                    rs.distortion.brown_conrady,
                    [0.0] * 5,
                    i,
                )
            ).as_video_stream_profile()
            for i in range(1, 3 if infrared else 1)
        ]
        same = rs.extrinsics()
        same.rotation, same.translation = np.eye(3).ravel().tolist(), [0.0, 0.0, 0.0]
        for profile in self._infrared:
            profile.register_extrinsics_to(self._depth_profile, same)
        self.depth.add_read_only_option(rs.option.depth_units, unit_m)
        self._unit_m = unit_m
        if options:
            for sensor, names in (
                (self.depth, ("inter_cam_sync_mode", "enable_auto_exposure", "exposure", "emitter_enabled")),
                (self.color, ("enable_auto_white_balance", "white_balance", "power_line_frequency")),
                (self.color, () if one_sensor else ("enable_auto_exposure", "exposure")),
            ):  # fmt: skip
                for name in names:
                    limits = rs.option_range()
                    limits.min, limits.max, limits.step, limits.default = 0, 10000, 1, 0
                    sensor.add_option(getattr(rs.option, name), limits, True)
        place = rs.extrinsics()
        turn = np.deg2rad(3)
        R = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        place.rotation, place.translation = R.T.ravel().tolist(), [BASELINE_M, 0.001, 0.002]  # column by column
        self.R_color_depth, self.t_color_depth = R, np.array(place.translation)
        self._depth_profile.register_extrinsics_to(self._color_profile, place)
        self.device.create_matcher(rs.matchers.dlr_c)

    def depth_image(self, number):
        """Raw counts of a frame."""
        rng = np.random.default_rng(number)
        return rng.integers(0, 1 << 16, DEPTH_SIZE[::-1]).astype(np.uint16)

    def infrared_image(self, number, imager):
        """Counts of one of the two imagers."""
        return np.random.default_rng([number, imager]).integers(0, 256, DEPTH_SIZE[::-1]).astype(np.uint8)

    def color_image(self, number):
        """Pixels in the unit's format: a flat picture whose colour says the number."""
        width, height = COLOR_SIZE
        rgb = np.empty((height, width, 3), np.uint8)
        rgb[:] = (40 + 4 * number % 200, 90, 200)
        if self.format == "bgr8":
            return np.ascontiguousarray(rgb[..., ::-1])
        if self.format == "yuyv":
            yuyv = np.full((height, width, 2), 128, np.uint8)
            yuyv[..., 0] = 40 + 4 * number
            return yuyv.view(np.uint16)[..., 0]
        return rgb

    def send(self, numbers, *, sensor_time=True, domain=None, pause_s=0.002):
        """Feeds frames; number n is at n / 30 s + 1 s of the unit's clock, exposed 4 ms before it is read out."""
        for number in numbers:
            at_ms = 1000 + number * 1000 / 30
            for pixels, sensor, profile in (
                (self.depth_image(number), self.depth, self._depth_profile),
                (self.color_image(number), self.color, self._color_profile),
                *((self.infrared_image(number, p.stream_index()), self.depth, p) for p in self._infrared),
            ):
                frame = rs.software_video_frame()
                frame.bpp = pixels.itemsize * (pixels.shape[2] if pixels.ndim == 3 else 1)
                frame.stride = pixels.shape[1] * frame.bpp
                frame.timestamp = at_ms
                frame.domain = domain or rs.timestamp_domain.hardware_clock
                frame.frame_number = number
                frame.profile = profile
                frame.pixels = pixels
                if profile is self._depth_profile:
                    frame.depth_units = self._unit_m
                if sensor_time:
                    sensor.set_metadata(rs.frame_metadata_value.sensor_timestamp, exposed_us(number) % (1 << 32))
                sensor.set_metadata(rs.frame_metadata_value.time_of_arrival, arrival_ms(number))
                sensor.on_video_frame(frame)
                self._kept.append((frame, pixels))  # the SDK does not copy the pixels
            self.sent.append(number)
            time.sleep(pause_s)

    def record(self, path, numbers):
        """Writes a .db3 with the SDK's recorder."""
        recorder = rs.recorder(str(path), self.device)
        sensors = recorder.query_sensors()
        for sensor in sensors:
            sensor.open(sensor.get_stream_profiles())
            sensor.start(rs.frame_queue(64))
        self.send(numbers)
        for sensor in sensors:
            sensor.stop()
            sensor.close()
        recorder.pause()
        del sensor, sensors, recorder  # the file is closed with the last of them
        return path


class Context:
    """A context with units attached. The SDK's own does not list software devices."""

    def __init__(self, *units):
        self.units = list(units)
        self.changed = None

    def query_devices(self):
        return [unit.device for unit in self.units]

    def set_devices_changed_callback(self, callback):
        self.changed = callback

    def unplug(self, unit):
        """Takes a unit away and tells of it."""
        self.units.remove(unit)

        class Event:
            def was_removed(self, device):
                return device is unit.device

        self.changed(Event())


def exposed_us(number):
    """Middle of the exposure of a frame, on the unit's clock."""
    return 1_000_000 + number * 1_000_000 // 30 - 4000


def arrival_ms(number):
    """When the recorder got it: Unix time."""
    return 1_700_000_000_000 + number * 1000 // 30


def video_stream(stream, uid, size, format, bpp, focal, model, coeffs, index=0):
    """The SDK's description of a stream."""
    intrinsics = rs.intrinsics()
    intrinsics.width, intrinsics.height = size
    intrinsics.fx = intrinsics.fy = focal
    intrinsics.ppx, intrinsics.ppy = size[0] / 2 - 0.25, size[1] / 2 + 0.5
    intrinsics.model, intrinsics.coeffs = model, coeffs
    video = rs.video_stream()
    video.type, video.index, video.uid, video.fps, video.bpp, video.fmt = stream, index, uid, 30, bpp, format
    video.width, video.height = size
    video.intrinsics = intrinsics
    return video
