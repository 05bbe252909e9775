"""Ten virtual Kinects recorded in real time: frames lost, processor, lag, compression; and libk4arecord beside it.

Usage: python scripts/benchmarks/benchmark_recorder.py [--seconds 60] [--devices 10] [--folder FOLDER]
           [--frames FOLDER] [--distinct 24] [--k4a-seconds 20] [--json]
Colour is 1920x1080 JPEG of about 450 kB, depth 640x576, both of the simulated sensors with noise and made before (240
frame pairs take minutes; `--frames` keeps them); the depth is encoded while it plays, as a driver does. Everything that
is recorded is deleted. Exits with 1 where a frame is lost, the recorder takes more than 120 % of one core, the p99 lag
is over 2 s or depth is compressed less than 5 times.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from capture.mcap_recording import McapReader
from capture.recorder.live_rig import LiveRig
from capture.recorder.recorder import Recorder
from capture.recorder.status import RecorderLimits
from scripts.recorder_rig.sensor_rig import RATE_HZ, SensorFrames, make_frames, sensor_rig
from scripts.recorder_rig.thread_times import ThreadTimes

MOST_CPU_PERCENT, MOST_LAG_S, LEAST_RATIO = 120.0, 2.0, 5.0
DISK_BYTES, DISK_BLOCK = 2 * 10**9, 4 * 2**20


def disk_speed(folder: Path) -> float:
    """MB/s of writing one file from front to back in 4 MiB blocks, until it is on the disk."""
    block, path = os.urandom(DISK_BLOCK), folder / "disk"
    start = time.monotonic()
    with path.open("wb", buffering=0) as file:
        for _ in range(DISK_BYTES // DISK_BLOCK):
            file.write(block)
        os.fdatasync(file.fileno())
    passed = time.monotonic() - start
    path.unlink()
    return DISK_BYTES / 1e6 / passed


def record(frames: list[SensorFrames], folder: Path, seconds: float) -> dict[str, Any]:
    """Records for so long and reads the file back, every checksum."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    with LiveRig(sensor_rig(frames, seconds)) as rig:
        recorder = Recorder(rig, folder, host="pc", limits=RecorderLimits(least_s=0.0, reserve_bytes=0))
        most_queue = 0.0
        with ThreadTimes() as times:
            recorder.start()
            rig.start()
            while not rig.finished:
                time.sleep(0.1)
                most_queue = max(most_queue, recorder.status().queue_s)
            drain_s = time.monotonic()
            figures = recorder.stop().figures
            drain_s = time.monotonic() - drain_s
        lost_before = sum(health.dropped for health in rig.health())
        lateness_s = max(float(device.lateness_s.max()) for device in rig.devices.values())  # pyright: ignore
    after = resource.getrusage(resource.RUSAGE_SELF)
    percent = {k: 100 * v / seconds for k, v in times.by_name("virtual", "pump", "recorder").items()}
    process = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    expected = len(frames) * 2 * round(seconds * RATE_HZ)
    depth = [stream for name, stream in figures.streams.items() if name.endswith("depth")]
    raw = frames[0].depth[0].nbytes * sum(stream.frames for stream in depth)
    file = folder / "recording" / "pc.mcap"
    with McapReader(file) as reader:
        reader.verify()
        there = sum(reader.count(topic) for topic in reader.topics)
    return {
        "frames": there,
        "frames_lost": expected - there,
        "lost_in_devices": lost_before,
        "recorder_cpu_percent": percent.get("pump", 0.0) + percent.get("recorder", 0.0),
        "writer_cpu_percent": percent.get("recorder", 0.0),
        "devices_cpu_percent": percent.get("virtual", 0.0),
        "process_cpu_percent": 100 * process / seconds,
        "lag_p99_s": figures.lag_p99_s,
        "most_queue_s": most_queue,
        "drained_s": drain_s,
        "devices_late_s": lateness_s,
        "file_mb_per_s": file.stat().st_size / 1e6 / seconds,
        "depth_ratio": raw / sum(stream.bytes for stream in depth),
    }


def compare_k4a(frames: list[SensorFrames], folder: Path, seconds: float) -> dict[str, Any]:
    """The same through libk4arecord, or why not."""
    try:
        from scripts.recorder_rig.k4a_record import record_k4a

        return asdict(record_k4a(frames, folder, seconds))
    except Exception as error:  # a library that cannot be loaded must not hide our own figures
        return {"skipped": f"{type(error).__name__}: {error}"}


def main() -> int:
    """Prints the figures; see the head of the file for the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--devices", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="on the disk to record to; a temporary folder by default")
    parser.add_argument("--frames", type=Path, help="a session with the frames, made when there is none")
    parser.add_argument("--distinct", type=int, default=24, help="frames of each device that are made")
    parser.add_argument("--k4a-seconds", type=float, default=20.0, help="0 leaves the comparison out")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        folder = Path(scratch)
        frames = make_frames(options.frames or folder / "frames", options.devices, options.distinct)
        sizes = [len(picture) for device in frames for picture in device.color]
        found: dict[str, Any] = {"color_kb": sum(sizes) / len(sizes) / 1e3, "least_color_kb": min(sizes) / 1e3}
        found["disk_mb_per_s"] = disk_speed(folder)
        found["recorder"] = record(frames, folder / "take", options.seconds)
        (folder / "take" / "recording" / "pc.mcap").unlink()
        if options.k4a_seconds:
            found["libk4arecord"] = compare_k4a(frames, folder, options.k4a_seconds)
    ours = found["recorder"]
    failed = [
        text
        for text, bad in (
            (f"{ours['frames_lost']} frames lost", ours["frames_lost"] > 0),
            (f"{ours['recorder_cpu_percent']:.0f} % of one core", ours["recorder_cpu_percent"] > MOST_CPU_PERCENT),
            (f"p99 lag {ours['lag_p99_s']:.2f} s", ours["lag_p99_s"] > MOST_LAG_S),
            (f"depth compressed {ours['depth_ratio']:.1f} times", ours["depth_ratio"] < LEAST_RATIO),
        )
        if bad
    ]
    found["missed"] = failed
    print(json.dumps(found, indent=1, default=float) if options.json else _table(found))
    return 1 if failed else 0


def _table(found: dict[str, Any], indent: str = "") -> str:
    lines = []
    for key, value in found.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}", _table(value, indent + "  ")]
        else:
            lines.append(f"{indent}{key:<24}{value:.3f}" if isinstance(value, float) else f"{indent}{key:<24}{value}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
