"""The depth codec beside others on one core: encode and decode MB/s and ratio, in one run on the same frames.

Usage: python scripts/benchmarks/benchmark_depth_codec.py [--frames SESSION] [--seconds 1.0] [--json]
Frames: depth of a recorded session, or of a virtual sensor with noise. MB are of the raw image (737 kB a frame). RVL is
measured where the package `rvl` is installed. Every codec must give every frame back bit for bit. Exits with 1 where
one does not, or where ten devices at 30 Hz (221 MB/s) would take dzp more than a whole core.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cv2
import numpy as np
import zstandard

from capture import depth_codec
from capture.session import Session
from capture.virtual.depth_effects import DepthEffects
from capture.virtual.tof.sensor import TofSensor
from scripts.benchmarks.benchmark_depth_effects import camera_of, scene

MODE = "NFOV_UNBINNED"
FRAMES = 12
NEEDED_MB_PER_S = 221.0
Image = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Codec:
    """One way of coding a 16-bit image; `decode` is told the image's shape."""

    name: str
    encode: Callable[[Image], bytes]
    decode: Callable[[bytes, tuple[int, int]], Image]


def codecs() -> tuple[list[Codec], list[str]]:
    """All that can be measured here, and what cannot."""
    pack, unpack = zstandard.ZstdCompressor(level=1), zstandard.ZstdDecompressor()
    found = [
        Codec(name="dzp", encode=depth_codec.encode, decode=lambda data, shape: depth_codec.decode(data, *shape)),
        Codec(
            name="dzp in numpy",
            encode=depth_codec.encode_numpy,
            decode=lambda data, shape: depth_codec.decode_numpy(data, *shape),
        ),
        Codec(
            name="zstd-1",
            encode=lambda image: pack.compress(image.tobytes()),
            decode=lambda data, shape: np.frombuffer(unpack.decompress(data), np.uint16).reshape(shape),
        ),
        Codec(name="PNG-16", encode=_encode_png, decode=_decode_png),
    ]
    try:
        import rvl  # pyright: ignore[reportMissingImports] - measured where it is installed
    except ImportError:
        return found, ["RVL: the package rvl is not installed"]
    third = Codec(
        name="RVL",
        encode=lambda image: rvl.compress(image.tobytes()),
        decode=lambda data, shape: np.frombuffer(rvl.decompress(data), np.uint16).reshape(shape),
    )
    return [*found, third], []


def depth_frames(session: Path | None) -> list[Image]:
    """Depth images of a session, or of a virtual sensor before a person, a floor and a wall."""
    if session is not None:
        opened = Session.open(session)
        info = opened.stream(opened.of_kind("depth")[0])
        reader = opened.recording(info.file)
        count = min(FRAMES, info.frames)
        data = [reader.read(info.topic or "", k).data for k in range(count)]
        return [depth_codec.decode(d, info.height or 0, info.width or 0) for d in data]
    camera, rng = camera_of(MODE), np.random.default_rng(1)
    sensor = TofSensor(camera, MODE, DepthEffects(), np.random.default_rng(0))
    return [sensor.sense(*scene(camera), rng) for _ in range(FRAMES)]


def measure(codec: Codec, frames: list[Image], seconds: float) -> dict[str, float | bool]:
    """Each direction for about `seconds`, after one round that compiles and is compared."""
    coded = [codec.encode(image) for image in frames]
    decoded = [codec.decode(data, image.shape) for data, image in zip(coded, frames)]
    exact = all(np.array_equal(back, image) for back, image in zip(decoded, frames))
    encode_s = _time(lambda k: codec.encode(frames[k]), len(frames), seconds)
    decode_s = _time(lambda k: codec.decode(coded[k], frames[k].shape), len(frames), seconds)
    raw = frames[0].nbytes
    return {
        "ratio": raw * len(frames) / sum(map(len, coded)),
        "encode_mb_per_s": raw / 1e6 / encode_s,
        "decode_mb_per_s": raw / 1e6 / decode_s,
        "exact": exact,
    }


def _time(work: Callable[[int], object], count: int, seconds: float) -> float:
    """Processor seconds of one call: other programs on the machine do not count."""
    calls, start = 0, time.thread_time()
    while (passed := time.thread_time() - start) < seconds:
        work(calls % count)
        calls += 1
    return passed / calls


def _encode_png(image: Image) -> bytes:
    done, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done
    return data.tobytes()


def _decode_png(data: bytes, shape: tuple[int, int]) -> Image:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return image.reshape(shape)


def main() -> int:
    """Prints one row a codec."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=Path, help="a session whose first depth stream is used")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    frames = depth_frames(options.frames)
    measured, skipped = codecs()
    rows = {codec.name: measure(codec, frames, options.seconds) for codec in measured}
    if options.json:
        print(json.dumps({"codecs": rows, "skipped": skipped}))
    else:
        print(f"{len(frames)} frames of {frames[0].shape[1]}x{frames[0].shape[0]}, one core, MB of the raw image")
        print(f"{'':14}{'ratio':>7}{'encode MB/s':>14}{'decode MB/s':>14}  bit-exact")
        for name, row in rows.items():
            figures = f"{row['ratio']:7.2f}{row['encode_mb_per_s']:14.0f}{row['decode_mb_per_s']:14.0f}"
            print(f"{name:14}{figures}  {'yes' if row['exact'] else 'NO'}")
        print("\n".join(skipped), end="\n" if skipped else "")
    good = all(row["exact"] for row in rows.values()) and rows["dzp"]["encode_mb_per_s"] > NEEDED_MB_PER_S
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
