"""All people that a detector saw in one stream, and their cache in the session."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Int64, Shaped, UInt8

from capture.session import Session
from geometry.npz_files import DAMAGED
from registration.errors import RegistrationError
from registration.keypoints.detector import Detector, Person2D, PersonMask

SEARCH_EVERY = 15
"""Images between searches of the whole image while everybody is being followed: half a second at 30 Hz."""
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
        """The mask of a person, by position in these arrays; None where there is none."""
        start, end = self.mask_start[image, person : person + 2]
        if start == end:
            return None
        crop = cv2.imdecode(self.mask_bytes[start:end], cv2.IMREAD_GRAYSCALE)
        return PersonMask(crop=np.asarray(crop, np.uint8), A_image_crop=self.A_image_crop[image, person])


def detect_stream(
    images: Iterable[Shaped[np.ndarray, "height width 3"]],
    detector: Detector,
    *,
    stream: str = "",
    indices: Sequence[int] | None = None,
    search_every: int = SEARCH_EVERY,
    on_image: Callable[[int], None] | None = None,
) -> StreamDetections:
    """Runs the detector over a stream's images, in order. `on_image` is called with the number of images done."""
    people: list[list[Person2D]] = []
    tracks = 0
    for n, image in enumerate(images):
        found = detector.detect(image, people[-1] if people else (), n % search_every == 0)
        numbered = []
        for person in found:
            if person.track < 0:
                person, tracks = replace(person, track=tracks), tracks + 1
            numbered.append(person)
        if people:  # what follows a person is of use in the next image only
            people[-1] = [replace(person, follow=None, mask=_packed(person.mask)) for person in people[-1]]
        people.append(numbered)
        if on_image is not None:
            on_image(n + 1)
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
    path = session.path(
        "cache", "detections", f"{stream.replace('/', '_')}-{_key(session, stream, detector, wanted)}.npz"
    )
    cached = load(path)
    if cached is not None:
        if on_progress is not None:
            on_progress(len(wanted), len(wanted))
        return cached
    result = detect_stream(
        (frame.payload for frame in session.frames(stream, wanted)),
        detector,
        stream=stream,
        indices=wanted,
        on_image=lambda n: on_progress(n, len(wanted)) if on_progress else None,
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
    partial = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    np.savez(partial, format=_FORMAT, **vars(detections))
    os.replace(partial, path)


def load(path: Path) -> StreamDetections | None:
    """What `save` wrote; None when it is missing, damaged or of another version."""
    try:
        with np.load(path, allow_pickle=False) as data, _ONE_READER:
            arrays = dict(data)
    except DAMAGED:
        return None
    if arrays.pop("format", None) != _FORMAT or set(arrays) != set(StreamDetections.__dataclass_fields__):
        return None
    return StreamDetections(**{**arrays, "stream": str(arrays["stream"])})


def _key(session: Session, stream: str, detector: Detector, indices: Sequence[int]) -> str:
    stat = session.path(session.stream(stream).file).stat()
    parts = [_FORMAT, SEARCH_EVERY, detector.fingerprint, stream, stat.st_size, stat.st_mtime_ns, list(indices)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


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
