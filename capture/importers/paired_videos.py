"""Videos with a folder of depth images each: which depth image belongs to which frame of the video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from capture.errors import CaptureError
from capture.importers.image_folder import MM, depth_folder, numbered_files
from capture.importers.pairing import FRAMES, Pairing, frame_pairing
from capture.importers.source_rig import depth_stream_m
from capture.importers.source_stream import SourceStream
from capture.video import VideoStream
from geometry.camera import Camera

CHECKED_DEVICES = 3


def video_stream(name: str, path: Path) -> SourceStream:
    """A video as a colour stream. Raises CaptureError when it is missing or damaged."""
    video = VideoStream(path)
    try:
        video.frame(len(video) - 1)  # a truncated file fails here, not in the middle of a fit
        return SourceStream(
            name=name, kind="color", encoding="video", rate_hz=video.rate_hz, numbers=range(len(video)),
            width=video.width, height=video.height, video=path,
        )  # fmt: skip
    finally:
        video.close()


def paired_depth(
    colors: Sequence[SourceStream],
    depth_folders: Mapping[str, Path],
    cameras: Mapping[str, Camera],
    *,
    depth_scale: float = MM,
    frame_shift: int | None = None,
) -> tuple[list[SourceStream], str]:
    """Colour and depth streams with common numbers, and what was assumed of them.

    Depth file n goes with frame n + `frame_shift`; without one, with frame n where any device's files begin at 0, else
    with n - 1 where they begin at 1. Raises CaptureError when what moves clearly fits another shift, or depth files
    lie beyond the video's end.
    """
    starts = [min(numbered_files(place, (".png",))) for place in depth_folders.values() if place.is_dir()]
    shift = frame_shift if frame_shift is not None else (-1 if starts and min(starts) == 1 else 0)
    streams: list[SourceStream] = []
    for color in colors:
        streams.append(color)
        place = depth_folders[color.device]
        if place.is_dir():
            depth = depth_folder(f"{color.device}/depth", place, color.rate_hz, depth_scale, shift)
            _check_range(color, depth, place, shift)
            streams.append(depth)
    told = "as told" if frame_shift is not None else "assumed"
    text = (
        f"depth file n goes with video frame n{shift:+d} ({told})"
        if shift
        else f"depth file n goes with video frame n ({told})"
    )
    checks = (
        []
        if frame_shift is not None
        else [_check(color, streams, cameras, shift) for color in colors[:CHECKED_DEVICES]]
    )
    found = [check for check in checks if check is not None]
    if not found:
        return streams, text if frame_shift is not None else f"{text}, not checked: too few frames"
    mean = Pairing(scores={s: float(np.mean([check.scores[s] for check in found])) for s in found[0].scores})
    if mean.shift is None:
        return streams, f"{text}, NOT confirmed: too little moves (correlation by shift {mean})"
    if mean.shift != 0:
        raise CaptureError(
            f"{next(iter(depth_folders.values())).parent}: {text}, but what moves fits frame n{shift + mean.shift:+d} "
            f"better (correlation by shift {mean}); pass --frame-shift {shift + mean.shift}, or {shift} to insist"
        )
    return streams, f"{text}, confirmed by what moves (correlation by shift {mean})"


def _check_range(color: SourceStream, depth: SourceStream, place: Path, shift: int) -> None:
    beyond = [n for n in depth.numbers if not 0 <= n < len(color.numbers)]
    if beyond:
        raise CaptureError(
            f"{place}: depth file {beyond[0] - shift} would go with frame {beyond[0]} of a video of "
            f"{len(color.numbers)} frames; the video is cut off, or pass another --frame-shift than {shift}"
        )


def _check(
    color: SourceStream, streams: Sequence[SourceStream], cameras: Mapping[str, Camera], shift: int
) -> Pairing | None:
    """Scores of one device, at the middle of its depth; None where FRAMES successive frames are not there."""
    depth = next((s for s in streams if s.name == f"{color.device}/depth"), None)
    if depth is None or color.video is None:
        return None
    have = set(depth.numbers)
    wanted = range(-1, FRAMES)
    firsts = [
        n for n in depth.numbers if n >= 2 and n + FRAMES < len(color.numbers) and all(n + k in have for k in wanted)
    ]
    if not firsts:
        return None
    video = VideoStream(color.video)
    try:
        return frame_pairing(
            depth_stream_m(depth), video.frame, cameras[depth.name], cameras[color.name], firsts[len(firsts) // 2]
        )
    finally:
        video.close()
