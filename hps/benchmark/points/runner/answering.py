"""A method's answers to some clouds, kept in its folder so that they need not be asked for again."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from hps.benchmark.points.runner.clips import clips_of
from hps.benchmark.points.runner.entrant import Entrant
from hps.benchmark.points.runner.prediction_folder import PredictionFolder
from hps.benchmark.points.runner.prediction_table import PredictionTable
from hps.benchmark.prediction import ClipMethod, Method, Prediction
from hps.datasets.cloud_sample import CloudSample
from hps.errors import HpsError
from hps.points.person_cloud import PersonCloud

CALL: Final = "call"
"""Step of the milliseconds that the runner measures around the method's call."""
LONGEST_REASON: Final = 300


def answers(entrant: Entrant, samples: Sequence[CloudSample], path: Path) -> PredictionTable:
    """The entrant's answers to these samples: those in the file when they are of the same method and clouds.

    Otherwise the method is asked, and the file is written; one that wants clips is asked for each clip of the samples
    (`clips_of`). Raises HpsError when the method gives another number of answers than there are clouds, or breaks on
    every one of several clouds (clips) in the same way: that is not a hard cloud.
    """
    keys = [sample.key for sample in samples]
    if isinstance(entrant.method, PredictionFolder):
        return PredictionTable.of(keys, entrant.method.answers(keys))
    digest = clips_digest(samples) if entrant.wants_clips else clouds_digest(samples)
    about = {"method": entrant.digest, "clouds": digest, "name": entrant.spec.words}
    kept = _kept(path, about, keys)
    if kept is not None:
        return kept
    if entrant.of_samples is not None:
        table = PredictionTable.of(keys, entrant.of_samples(samples))
    elif isinstance(entrant.method, ClipMethod):
        table = PredictionTable.of(keys, asked_clips(entrant.method, samples, entrant.name))
    else:
        table = PredictionTable.of(keys, asked(entrant.method, samples, entrant.name))
    table.write(path, about)
    return table


def asked(method: Method, samples: Sequence[CloudSample], name: str) -> list[Prediction]:
    """The method's answers, all clouds in one call; where that breaks, cloud by cloud: those that break are refused.

    A method gets copies: one that changes its clouds in place must not change what the others see.
    """
    clouds = [_copied(sample.cloud) for sample in samples]
    begun = time.perf_counter()
    try:
        given = list(method(clouds))
    except Exception:
        return _one_by_one(method, samples, name)
    _counted(given, len(clouds), name)
    return _timed(given, begun)


def asked_clips(method: ClipMethod, samples: Sequence[CloudSample], name: str) -> list[Prediction]:
    """The method's answers, a call for each clip; a clip on which it breaks is refused, all its clouds with it.

    A method gets copies, as in `asked`.
    """
    found: dict[int, Prediction] = {}
    breaks: list[str] = []
    clips = clips_of(samples)
    for clip in clips:
        clouds = [_copied(samples[row].cloud) for row in clip]
        begun = time.perf_counter()
        try:
            given = list(method.of_clip(clouds, np.array([samples[row].time_s for row in clip], np.float64)))
        except HpsError as error:
            given = [Prediction(refused=str(error)[:LONGEST_REASON])] * len(clip)
        except Exception as error:
            broken = f"it broke on a clip of {len(clip)}: {type(error).__name__}: {error}"[:LONGEST_REASON]
            given = [Prediction(refused=broken)] * len(clip)
            breaks.append(f"{type(error).__name__}: {error}")
        _counted(given, len(clip), name)
        found |= zip(clip.tolist(), _timed(given, begun), strict=True)
    if len(breaks) == len(clips) > 1 and len(set(breaks)) == 1:
        raise HpsError(
            f"the method '{name}' breaks on every clip in the same way, such as that of '{samples[clips[0][0]].key}' "
            f"({breaks[0]}); mend it, or leave it out"
        )
    return [found[row] for row in range(len(samples))]


def _counted(given: Sequence[object], count: int, name: str) -> None:
    if len(given) != count or not all(isinstance(one, Prediction) for one in given):
        kinds = ", ".join(sorted({type(one).__name__ for one in given})) or "nothing"
        raise HpsError(
            f"the method '{name}' gave {len(given)} answers ({kinds}) to {count} clouds; it must give one "
            "hps.benchmark.prediction.Prediction for each, in their order"
        )


def _timed(given: Sequence[Prediction], begun: float) -> list[Prediction]:
    """The answers with the time of their call, shared among them."""
    each = 1000 * (time.perf_counter() - begun) / max(len(given), 1)
    return [replace(one, milliseconds={**one.milliseconds, CALL: each}) for one in given]


def _one_by_one(method: Method, samples: Sequence[CloudSample], name: str) -> list[Prediction]:
    found: list[Prediction] = []
    breaks: list[str] = []
    for sample in samples:
        begun = time.perf_counter()
        try:
            (one,) = method([_copied(sample.cloud)])
        except HpsError as error:
            one = Prediction(refused=str(error)[:LONGEST_REASON])
        except Exception as error:
            kind = type(error).__name__
            one = Prediction(refused=f"it broke: {kind}: {error}"[:LONGEST_REASON])
            breaks.append(one.refused)
        found.append(replace(one, milliseconds={**one.milliseconds, CALL: 1000 * (time.perf_counter() - begun)}))
    if len(breaks) == len(samples) > 1 and len(set(breaks)) == 1:
        raise HpsError(
            f"the method '{name}' breaks on every cloud in the same way, such as '{samples[0].key}' ({breaks[0]}); "
            "mend it, or leave it out"
        )
    return found


def _copied(cloud: PersonCloud) -> PersonCloud:
    return PersonCloud(
        points=np.array(cloud.points),
        camera=np.array(cloud.camera),
        origins=np.array(cloud.origins),
        up=None if cloud.up is None else np.array(cloud.up),
    )


def clouds_digest(samples: Sequence[CloudSample]) -> str:
    """Of everything that a method sees of some samples, and of their keys."""
    digest = hashlib.sha256()
    for sample in samples:
        cloud = sample.cloud
        digest.update(sample.key.encode() + b"\0")
        for values in (cloud.points, cloud.camera, cloud.origins, cloud.up):
            array = np.zeros(0) if values is None else np.ascontiguousarray(values)
            digest.update(f"{array.dtype.kind}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def clips_digest(samples: Sequence[CloudSample]) -> str:
    """Of everything that a method that wants clips sees of some samples."""
    digest = hashlib.sha256(clouds_digest(samples).encode())
    for clip in clips_of(samples):
        digest.update(f"{[(int(row), float(samples[row].time_s)) for row in clip]}".encode())
    return digest.hexdigest()


def _kept(path: Path, about: dict[str, str], keys: list[str]) -> PredictionTable | None:
    if not path.is_file():
        return None
    try:
        table, told = PredictionTable.read(path)
    except HpsError:
        return None  # a damaged file is made again
    same = all(told.get(name) == about[name] for name in ("method", "clouds")) and list(table.keys) == keys
    return table if same else None
