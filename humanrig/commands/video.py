"""`humanrig video`: a reconstructed session as a film."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from humanrig.commands.reconstruct import parse_frames
from humanrig.errors import HumanrigError
from humanrig.terminal import progress, say

MOST_RATE_HZ = 30.0
LARGEST = 7680


def video(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    kind: Literal["turntable", "overlay"] = "turntable",
    camera: Annotated[tuple[str, ...], arg(metavar="CAMERA ...")] = (),
    shown: Literal["auto", "surface", "body"] = "auto",
    frames: Annotated[str | None, arg(metavar="A:B")] = None,
    size: Annotated[str, arg(metavar="WIDTHxHEIGHT")] = "1280x720",
    fps: float | None = None,
    turn: Annotated[float, arg(metavar="SECONDS")] = 8.0,
    out: Annotated[Path | None, arg(metavar="FILE.mp4")] = None,
) -> int:
    """Write a film of a reconstructed session for a talk, and print its path.

    A turntable goes around the people while they move in real time, the clip forth and back until it has been all
    around. An overlay shows the pictures of the cameras with the bodies over them, one for each instant. Both are H.264
    in an .mp4.

    Args:
        session: The session's folder; for a turntable with clothes the stages up to texture must have run.
        kind: A turntable, or an overlay over the cameras' pictures.
        camera: Of an overlay: the cameras to show, such as kinect_002. All of them where none is named.
        shown: The textured surfaces or the fitted bodies. By default a turntable shows surfaces where everybody has
            one, and an overlay bodies.
        frames: Only the instants from A up to B (not included), such as 0:60.
        size: Of the film in pixels, both even; an overlay uses as much of it as its pictures fill.
        fps: Pictures a second; by default as many as the session has instants, 30 at most.
        turn: How long the turntable takes for a whole turn.
        out: Where to write; by default SESSIONNAME_KIND.mp4 in the present folder.
    """
    from capture.session import Session
    from humanrig.export.video_file import whole_video
    from humanrig.video.figures import Cast, has_surfaces
    from humanrig.video.overlay import overlay
    from humanrig.video.turntable import turntable

    width, height = _size(size)
    span = parse_frames(frames)
    path = out or Path(f"{session.resolve().name}_{kind}.mp4")
    if path.suffix != ".mp4":
        raise HumanrigError(f"--out {path}: the file must be called something.mp4")
    if camera and kind == "turntable":
        raise HumanrigError(f"--camera {' '.join(camera)}: a turntable has a camera of its own; add --kind overlay")
    if fps is not None and not 1 <= fps <= 120:
        raise HumanrigError(f"--fps {fps:g}: expected 1 to 120 pictures a second")
    if not 0.5 <= turn <= 600:
        raise HumanrigError(f"--turn {turn:g}: expected 0.5 to 600 seconds for a whole turn")
    opened = Session.open(session)
    if shown == "auto":
        shown = "surface" if kind == "turntable" and has_surfaces(opened) else "body"
    cast = Cast(opened, shown)
    instants = [i for i in cast.instants if span is None or span[0] <= i < span[1]]
    if not instants:
        raise HumanrigError(f"--frames {frames}: {session} has bodies at {cast.instants[0]}:{cast.instants[-1] + 1}")
    rate = fps or rate_of(cast.times_s(instants))
    if kind == "turntable":
        film = turntable(cast, instants, width, height, rate, turn)
    else:
        film = overlay(opened, cast, instants, camera, width, height)
    with progress(kind) as update, whole_video(path, film.width, film.height, rate) as file:
        for done, picture in enumerate(film.pictures(), 1):
            file.add(picture)
            update(done, len(film))
    if file.codec != "libx264":
        say(f"warning: FFmpeg here has no H.264 encoder; {path} is {file.codec}, which fewer players open")
    print(path)
    return 0


def _size(text: str) -> tuple[int, int]:
    """Width and height. Raises HumanrigError on anything but two even numbers."""
    width, x, height = text.partition("x")
    if not (x and width.isdecimal() and height.isdecimal()):
        raise HumanrigError(f"--size {text}: expected WIDTHxHEIGHT, such as 1280x720")
    size = int(width), int(height)
    if any(side % 2 or not 64 <= side <= LARGEST for side in size):
        raise HumanrigError(f"--size {text}: both must be even and from 64 to {LARGEST}, for players to open the film")
    return size


def rate_of(times_s: Iterable[float]) -> float:
    """Instants a second, within what players show; the most where the times do not tell."""
    steps = [float(after - before) for before, after in pairwise(times_s)]
    step = median(steps) if steps else 0.0
    return min(MOST_RATE_HZ, max(1.0, 1 / step)) if step > 0 else MOST_RATE_HZ
