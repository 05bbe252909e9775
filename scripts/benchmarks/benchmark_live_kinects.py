"""Ten Azure Kinects of the compiled stand-in through the live driver: images lost, processor time.

Usage: python scripts/benchmarks/benchmark_live_kinects.py [--seconds 6] [--devices 10] [--no-imu]
1080p JPEG, 640x576 depth with noise and inertial samples at 30 Hz; depth is encoded in the loop. The stand-in draws its
pictures in this process, so its time is in the figure. Needs gcc. Exits with 1 where an image is lost.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import simplejpeg

from capture.azure_kinect.chain import chain_settings
from capture.azure_kinect.driver import KinectDriver
from capture.azure_kinect.settings import KinectSettings
from capture.device_frames import EncodedFrame
from capture.recorder.live_rig import LiveRig

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "capture" / "k4a_stand_in"))
from stand_in import StandIn, build


def main() -> int:
    """Prints the figures; see the head of the file for the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--devices", type=int, default=10)
    parser.add_argument("--no-imu", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(StandIn(build(Path(folder))), options.seconds, options.devices, imu=not options.no_imu)
    print(json.dumps(figures, indent=1))
    return 1 if figures["images_lost"] else 0


def measure(stand_in: StandIn, seconds: float, devices: int, *, imu: bool) -> dict[str, float]:
    """Images that arrived and that were lost, and processor time as a share of one core."""
    coarse = np.random.default_rng(0).integers(0, 255, (270, 480, 3), dtype=np.uint8)
    picture = simplejpeg.encode_jpeg(coarse.repeat(4, 0).repeat(4, 1), quality=80)
    for k in range(devices):
        stand_in.add(f"{k:06d}", pictures=[picture], cable_in=k > 0, cable_out=k < devices - 1, noise_bits=1)
    chain = chain_settings([f"k{k}" for k in range(devices)], KinectSettings(imu=imu))
    drivers = [
        KinectDriver(name, replace(settings, serial=f"{k:06d}"), library=stand_in.library)
        for k, (name, settings) in enumerate(chain.items())
    ]
    arrived: Counter[str] = Counter()

    def sink(frame: EncodedFrame) -> None:
        arrived[frame.stream.rsplit("/", 1)[1]] += 1

    with LiveRig(drivers) as rig:
        rig.attach(sink)
        rig.start()
        before, begun = _cpu_s(), time.monotonic()
        time.sleep(seconds)
        cpu = (_cpu_s() - before) / (time.monotonic() - begun)
        health = rig.health()
    lost = sum(h.streams[f"{h.device}/{kind}"].dropped for h in health for kind in ("color", "depth"))
    return {
        "images": arrived["color"] + arrived["depth"],
        "images_lost": lost,
        "imu_samples": arrived["imu"],
        "cpu_of_one_core": round(cpu, 2),
        "picture_kb": round(len(picture) / 1000),
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
