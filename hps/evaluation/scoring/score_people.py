"""Scoring people who are known by name: sequences of 3DPW, EMDB, Human3.6M, sessions of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from geometry.npz_files import DAMAGED, damage, read_npy
from hps.errors import HpsError
from hps.evaluation.people_annotations import PersonAnnotations
from hps.evaluation.scoring.body_models import BodyModels
from hps.evaluation.scoring.compared_clip import ComparedClip, compared_clip
from hps.evaluation.scoring.measures import Measure, NotMeasured, Regressors
from hps.evaluation.scoring.pairing import Pair, Pairing, pair_people
from hps.evaluation.scoring.score_report import Counts, Figure, PersonRow, ScoreReport
from hps.evaluation.scoring.scoring_protocol import ScoringProtocol
from hps.metrics.subject_bootstrap import mean_interval

SHOWN = 3
"""Names in a sentence."""
FAR_M = 100.0
"""From the truth: bodies in metres whose translations are in millimetres, or a world of another origin."""


def score_people(
    predictions: Sequence[PersonAnnotations],
    truths: Sequence[PersonAnnotations],
    protocol: ScoringProtocol,
    *,
    models: BodyModels | None = None,
    regressors: Regressors | None = None,
    partial: bool = False,
    rate_hz: float = float("nan"),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ScoreReport:
    """Every measure of the protocol over all people that both sides have.

    Means are over frames of all people, unless the measure says sequences; intervals resample sequences. A frame that
    the prediction lacks or refuses is in no mean and is counted. regressors: by the names in `protocol.regressors`.
    partial: allow counted frames without a prediction. rate_hz: where the truth does not say its own. Raises HpsError
    where nothing can be compared; see `pair_people`, `compared_clip`.
    """
    regressors = {} if regressors is None else regressors
    lacking = [name for name in protocol.regressors if name not in regressors]
    given = any(truth.joints is not None and truth.joints.shape[1] == 17 for truth in truths)
    if lacking and not given:
        raise HpsError(
            f"protocol {protocol.name} regresses its joints from the skin by {lacking[0]!r}, a file that is not "
            "ours to ship: pass --regressor J_regressor_h36m.npy, or take the protocol smpl24, which needs none"
        )
    models = BodyModels(place=None) if models is None else models
    pairing = pair_people(predictions, truths)
    told = list(pairing.told)
    found = {measure: _Collected() for measure in protocol.measures}
    rows, clips = [], []
    for done, pair in enumerate(pairing.pairs):
        on_progress(done, len(pairing.pairs))
        counted, sentence = protocol.counted(pair.truth)
        _tell(told, sentence)
        _tell(told, _of_gender(protocol, pair))
        if not counted.any():
            _tell(told, f"{pair.name}: no frame counts under {protocol.name}")
            continue
        clip = compared_clip(pair, counted, models, place=protocol.place, partial=partial, rate_hz=rate_hz)
        _tell(told, _of_place(clip))
        rows.append(_measured(clip, found, regressors))
        clips.append((clip.counted, clip.ignored, clip.lacking, clip.refused, len(clip.frames)))
    on_progress(len(pairing.pairs), len(pairing.pairs))
    for sentence in models.told:
        _tell(told, sentence)
    _tell(told, _names("true people have no prediction", pairing.missing))
    _tell(told, _names("predicted people are nobody in the truth", pairing.unknown))
    return ScoreReport(
        protocol=protocol.name,
        says=protocol.says,
        source=protocol.source,
        rules=protocol.rules,
        figures=tuple(collected.figure(measure) for measure, collected in found.items()),
        rows=tuple(rows),
        counts=_counts(protocol, pairing, clips),
        told=tuple(told),
    )


def read_regressor(path: Path) -> np.ndarray:
    """A (joints, vertices) matrix of a .npy file. Raises HpsError for anything else."""
    try:
        matrix = read_npy(path)
    except DAMAGED as error:
        raise HpsError(
            f"{path} is not a .npy file of a plain matrix ({damage(error)}); give J_regressor_h36m.npy"
        ) from error
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or matrix.shape[0] > matrix.shape[1]:
        shape = getattr(matrix, "shape", "an archive")
        raise HpsError(
            f"{path} holds {shape}, not a matrix of joints by vertices; give J_regressor_h36m.npy (17, 6890)"
        )
    if matrix.shape[0] != 17:
        raise HpsError(f"{path} regresses {matrix.shape[0]} joints; these protocols take Human3.6M's 17")
    if matrix.dtype.kind not in "fiu" or not np.isfinite(matrix).all():
        raise HpsError(f"{path} holds {matrix.dtype} values that are not all finite numbers; give J_regressor_h36m.npy")
    return np.asarray(matrix, np.float64)


class _Collected:
    """Values of one measure over people."""

    def __init__(self) -> None:
        self.values: list[np.ndarray] = []
        self.sequences: list[str] = []
        self.problems: dict[str, None] = {}

    def figure(self, measure: Measure) -> Figure:
        values = np.concatenate([np.zeros(0), *self.values])
        names = np.repeat(np.array(self.sequences, dtype=str), [len(one) for one in self.values])
        problems = "; ".join(self.problems)
        return Figure(
            measure=measure.name,
            protocol=measure.protocol,
            unit=measure.unit,
            says=measure.says,
            over=measure.over,
            interval=mean_interval(values, names),
            unmeasured=problems,
        )


def _measured(clip: ComparedClip, found: dict[Measure, _Collected], regressors: Regressors) -> PersonRow:
    means: dict[str, float] = {}
    for measure, collected in found.items():
        try:
            values = measure.values(clip, regressors) if len(clip.frames) else np.zeros(0)
        except NotMeasured as problem:
            collected.problems[str(problem)] = None
            continue
        collected.values.append(values)
        collected.sequences.append(clip.sequence)
        if len(values):
            means[measure.label] = float(values.mean())
    return PersonRow(name=clip.name, frames=len(clip.frames), values=means)


def _counts(protocol: ScoringProtocol, pairing: Pairing, clips: Sequence[tuple[int, int, int, int, int]]) -> Counts:
    _, ignored, lacking, refused, compared = (sum(column) for column in zip(*clips, strict=True)) if clips else (0,) * 5
    unanswered = sum(int(protocol.counted(truth)[0].sum()) for truth in pairing.missing)
    return Counts(
        people=len(clips),
        missing_people=len(pairing.missing),
        unknown_people=len(pairing.unknown),
        frames=compared,
        ignored_frames=ignored,
        lacking_frames=lacking + unanswered,
        refused_frames=refused,
    )


def _of_place(clip: ComparedClip) -> str:
    a, b = clip.estimate.joints, clip.truth.joints
    if a is None or b is None or not len(a) or not (clip.estimate.placed and clip.truth.placed):
        return ""
    far = float(np.median(np.linalg.norm(a[:, 0] - b[:, 0], axis=-1)))
    return f"{clip.name}: the prediction is {far:.0f} m from the truth; are translations metres?" if far > FAR_M else ""


def _of_gender(protocol: ScoringProtocol, pair: Pair) -> str:
    gender = pair.estimate.gender
    if protocol.estimate_gender == "neutral" and gender in ("female", "male"):
        return f"{protocol.name} compares neutral bodies: predictions such as {pair.name} are {gender}"
    return ""


def _names(what: str, people: Sequence[PersonAnnotations]) -> str:
    if not people:
        return ""
    names = [f"{one.sequence}, person {one.person}" for one in people]
    return f"{len(names)} {what}: {'; '.join(names[:SHOWN])}" + (" …" if len(names) > SHOWN else "")


def _tell(told: list[str], sentence: str) -> None:
    if sentence and sentence not in told:
        told.append(sentence)
