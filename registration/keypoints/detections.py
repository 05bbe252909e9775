"""All people that a detector saw in one stream, and their cache in the session."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Int64, Shaped, UInt8

from capture.fingerprint import fingerprint
from capture.session import Session
from geometry.coded_images import decode_image
from geometry.npz_files import DAMAGED, read_npz
from registration.errors import RegistrationError
from registration.keypoints.detector import Detector, Person2D, PersonMask

SEARCH_EVERY = 15
"""Images between searches of the whole image while everybody is being followed: half a second at 30 Hz."""
PART = 90
"""Images of a stream that are searched and kept together, three seconds at 30 Hz: what was done is not lost when a
search is interrupted, and parts can be done by several machines."""
LEAD = 4
"""Images before a part that are looked at first. In the first image with somebody the landmarks lie 3.6 px from those
of following, in the fifth 0.7 px (median; docs/keypoints.md)."""
_FORMAT = 1
_ONE_READER = threading.Lock()
"""numpy parses the header of each array with `ast`, which Python 3.11 cannot do in two threads at once: it raises a
SystemError now and then (python/cpython issue 106905)."""


@dataclass(frozen=True, kw_only=True)
class StreamDetections:
    """People in the images of one stream; NaN, 0 and -1 where an image has fewer people than another."""

    stream: str
    indices: Int64[np.ndarray, "images"]
    """Frame indices in the stream."""
    q: Float[np.ndarray, "images people joints 2"]
    visibility: Float[np.ndarray, "images people joints"]
    score: Float[np.ndarray, "images people"]
    pixel_size: Float[np.ndarray, "images people"]
    """Image pixels to one pixel of the network's crop."""
    track: Int64[np.ndarray, "images people"]
    """The same number in two images: the detector followed the person from one to the other."""
    mask_bytes: UInt8[np.ndarray, "bytes"]
    """PNG crops, one after the other."""
    mask_start: Int64[np.ndarray, "images people_and_end"]
    """Where each begins and the last ends; equal to the next for a person without a mask."""
    A_image_crop: Float[np.ndarray, "images people 2 3"]

    def __len__(self) -> int:
        return len(self.indices)

    def mask(self, image: int, person: int) -> PersonMask | None:
        """The mask of a person, by position in these arrays; None where there is none.

        Raises RegistrationError for one that is damaged.
        """
        start, end = self.mask_start[image, person : person + 2]
        if start == end:
            return None
        crop = decode_image(self.mask_bytes[start:end].tobytes(), cv2.IMREAD_GRAYSCALE)
        if crop is None:
            raise RegistrationError(
                f"the cached mask of {self.stream}, image {self.indices[image]}, is damaged; remove the session's "
                "cache/detections and run the stage keypoints again"
            )
        return PersonMask(crop=np.asarray(crop, np.uint8), A_image_crop=self.A_image_crop[image, person])


@dataclass(frozen=True, kw_only=True)
class Part:
    """Frames of a stream that are searched together."""

    before: tuple[int, ...]
    """Looked at first, so that who is in them is being followed; nothing of them is kept."""
    frames: tuple[int, ...]


def detect_stream(
    images: Iterable[Shaped[np.ndarray, "height width 3"]],
    detector: Detector,
    *,
    stream: str = "",
    indices: Sequence[int] | None = None,
    search_every: int = SEARCH_EVERY,
    on_image: Callable[[int], None] | None = None,
    before: int = 0,
) -> StreamDetections:
    """Runs the detector over a stream's images, in order. `on_image` is called with the number of images done.

    The first `before` images are looked at for those that follow, and neither counted nor returned.
    """
    people: list[list[Person2D]] = []
    tracks = 0
    for n, image in enumerate(images):
        found = detector.detect(image, people[-1] if people else (), n == 0 or (n - before) % search_every == 0)
        numbered = []
        for person in found:
            if person.track < 0:
                person, tracks = replace(person, track=tracks), tracks + 1
            numbered.append(person)
        if people:  # what follows a person is of use in the next image only
            people[-1] = [replace(person, follow=None, mask=_packed(person.mask)) for person in people[-1]]
        people.append(numbered)
        if on_image is not None and n >= before:
            on_image(n + 1 - before)
    people = people[before:]
    return _gather(people, len(detector.keypoints), stream, range(len(people)) if indices is None else indices)


def detections_of(
    session: Session,
    stream: str,
    detector: Detector,
    indices: Sequence[int] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> StreamDetections:
    """Detections in the frames `indices` (all by default) of a colour stream, from the session's cache if there.

    Raises RegistrationError for a stream that is not colour, and as the session does for frames that it cannot read.
    """
    info = session.stream(stream)
    if info.kind != "color":
        raise RegistrationError(f"{stream} is a {info.kind} stream; keypoints are detected in color streams only")
    wanted = list(range(info.frames)) if indices is None else [int(i) for i in indices]
    found: list[StreamDetections] = []
    done = 0
    for part in parts_of(wanted):

        def told(n: int, before: int = done) -> None:
            if on_progress is not None:
                on_progress(before + n, len(wanted))

        found.append(detections_of_part(session, stream, detector, part, told))
        done += len(part.frames)
    return joined(found) if len(found) > 1 else found[0]


def parts_of(indices: Sequence[int]) -> list[Part]:
    """The frames that are searched together: PART of them, the last part what is left."""
    starts = range(0, max(len(indices), 1), PART)
    return [Part(before=tuple(indices[max(n - LEAD, 0) : n]), frames=tuple(indices[n : n + PART])) for n in starts]


def joined(parts: Sequence[StreamDetections]) -> StreamDetections:
    """Parts of one stream, one after the other; a track of one part is none of another."""
    people = max(part.q.shape[1] for part in parts)
    tracks = np.cumsum([0] + [int(part.track.max(initial=-1)) + 1 for part in parts[:-1]])
    starts = np.cumsum([0] + [len(part.mask_bytes) for part in parts[:-1]])

    def whole(name: str, empty: float) -> np.ndarray:
        values = [getattr(part, name) for part in parts]
        rooms = [((0, 0), (0, people - some.shape[1]), *[(0, 0)] * (some.ndim - 2)) for some in values]
        return np.concatenate([np.pad(some, room, constant_values=empty) for some, room in zip(values, rooms)])

    numbered = [replace(part, track=np.where(part.track < 0, -1, part.track + n)) for part, n in zip(parts, tracks)]
    ends = [
        np.pad(part.mask_start, ((0, 0), (0, people - part.q.shape[1])), mode="edge") + start
        for part, start in zip(parts, starts)
    ]
    return StreamDetections(
        stream=parts[0].stream,
        indices=np.concatenate([part.indices for part in parts]),
        q=whole("q", np.nan),
        visibility=whole("visibility", 0.0),
        score=whole("score", 0.0),
        pixel_size=whole("pixel_size", np.nan),
        track=np.concatenate(
            [np.pad(part.track, ((0, 0), (0, people - part.track.shape[1])), constant_values=-1) for part in numbered]
        ),
        mask_bytes=np.concatenate([part.mask_bytes for part in parts]),
        mask_start=np.concatenate(ends),
        A_image_crop=whole("A_image_crop", 0.0),
    )


def detections_of_part(
    session: Session, stream: str, detector: Detector, part: Part, on_image: Callable[[int], None] | None = None
) -> StreamDetections:
    """Detections in the frames of one part, from the session's cache if there."""
    path = session.path(
        "cache", "detections", f"{stream.replace('/', '_')}-{_key(session, stream, detector, part)}.npz"
    )
    cached = load(path)
    if cached is not None:
        if on_image is not None:
            on_image(len(part.frames))
        return cached
    result = detect_stream(
        (frame.payload for frame in session.frames(stream, (*part.before, *part.frames))),
        detector,
        stream=stream,
        indices=part.frames,
        on_image=on_image,
        before=len(part.before),
    )
    save(result, path)
    return result


def detections_of_streams(
    session: Session,
    indices: Mapping[str, Sequence[int]],
    make_detector: Callable[[], Detector],
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, StreamDetections]:
    """Detections in several streams, each by a detector of its own, `workers` streams at a time.

    `indices`: stream → frames. Raises as `detections_of` does.
    """
    done = dict.fromkeys(indices, 0)
    total = sum(len(some) for some in indices.values())

    def work(stream: str) -> StreamDetections:
        def report(n: int, _: int) -> None:
            done[stream] = n
            if on_progress is not None:
                on_progress(sum(done.values()), total)

        # readers and networks are not made for several threads
        return detections_of(Session.open(session.folder), stream, make_detector(), indices[stream], report)

    with ThreadPoolExecutor(max(workers, 1)) as pool:
        return dict(zip(indices, pool.map(work, indices)))


def save(detections: StreamDetections, path: Path) -> None:
    """Writes the arrays to an npz file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{platform.node()}.{os.getpid()}.npz")
    np.savez(partial, format=_FORMAT, **vars(detections))
    os.replace(partial, path)


def load(path: Path) -> StreamDetections | None:
    """What `save` wrote; None when it is missing, damaged or of another version."""
    try:
        with _ONE_READER:
            arrays = read_npz(path)
    except DAMAGED:
        return None
    if arrays.pop("format", None) != _FORMAT or set(arrays) != set(StreamDetections.__dataclass_fields__):
        return None
    return StreamDetections(**{**arrays, "stream": str(arrays["stream"])})


def _key(session: Session, stream: str, detector: Detector, part: Part) -> str:
    path = session.path(session.stream(stream).file)
    stat = path.stat()
    recorded = _recorded(path, stat.st_size, stat.st_mtime_ns)
    made_of = [_FORMAT, SEARCH_EVERY, detector.fingerprint, stream, recorded, part.before, part.frames]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]


@lru_cache(maxsize=64)
def _recorded(path: Path, size: int, mtime_ns: int) -> str:
    """A recording's fingerprint. Read again when the file has changed."""
    return fingerprint(path)


def _packed(mask: PersonMask | None) -> PersonMask | None:
    """The mask with its crop as the bytes of a PNG, in one row."""
    if mask is None or mask.crop.shape[0] == 1:
        return mask
    return replace(mask, crop=cv2.imencode(".png", mask.crop)[1].reshape(1, -1))


def _gather(people: list[list[Person2D]], joints: int, stream: str, indices: Sequence[int]) -> StreamDetections:
    T, P = len(people), max((len(some) for some in people), default=0)
    q = np.full((T, P, joints, 2), np.nan, np.float32)
    visibility = np.zeros((T, P, joints), np.float32)
    score, pixel_size = np.zeros((T, P), np.float32), np.full((T, P), np.nan, np.float32)
    track = np.full((T, P), -1, np.int64)
    A = np.zeros((T, P, 2, 3))
    start = np.zeros((T, P + 1), np.int64)
    chunks: list[np.ndarray] = []
    length = 0
    for t, some in enumerate(people):
        for p in range(P):
            start[t, p] = length
            if p >= len(some):
                continue
            person = some[p]
            q[t, p], visibility[t, p], score[t, p] = person.q, person.visibility, person.score
            pixel_size[t, p], track[t, p] = person.pixel_size, person.track
            mask = _packed(person.mask)
            if mask is not None:
                chunks.append(mask.crop.ravel())
                A[t, p] = mask.A_image_crop
                length += mask.crop.size
        start[t, P] = length
    return StreamDetections(
        stream=stream,
        indices=np.asarray(indices, np.int64),
        q=q,
        visibility=visibility,
        score=score,
        pixel_size=pixel_size,
        track=track,
        mask_bytes=np.concatenate(chunks) if chunks else np.zeros(0, np.uint8),
        mask_start=start,
        A_image_crop=A,
    )
