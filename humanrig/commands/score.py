"""`humanrig score`: predicted bodies against a data set's truth, under a protocol of the literature."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from humanrig.terminal import print_json, progress


def score(
    predictions: Annotated[Positional[Path], arg(metavar="PREDICTIONS")],
    truth: Annotated[Positional[Path], arg(metavar="TRUTH")],
    protocol: Annotated[str, arg(metavar="NAME")] = "smpl24",
    regressor: Annotated[Path | None, arg(metavar="J_regressor_h36m.npy")] = None,
    body: Annotated[str | None, arg(metavar="PATH|open")] = None,
    match: Literal["name", "place"] = "name",
    partial: bool = False,
    fps: Annotated[float | None, arg(metavar="HZ")] = None,
    out: Annotated[Path | None, arg(metavar="FILE.json")] = None,
    json: bool = False,
) -> int:
    """Score predicted bodies against the truth: humanrig score PREDICTIONS TRUTH --protocol 3dpw14

    Each side is a file or a folder of a format that humanrig reads: 3DPW, EMDB, AGORA, bodies of humanrig and others
    (docs/evaluation_files.md). Protocols (docs/scoring.md): smpl24, 3dpw14, 3dpw14_h36m, 3dpw14_midhip, 3dpw_challenge,
    emdb, emdb_world, h36m_p1, h36m_p2, agora.

    Every number stands beside its protocol, with a 95 % interval over sequences. Who has no prediction, and which
    frames have none, is counted and told; they are in no mean.

    Args:
        predictions: What a method says.
        truth: What is true.
        protocol: Which joints, root, alignment, frames and bodies.
        regressor: Human3.6M's joints from SMPL's skin, which some protocols compare; it is not ours to ship.
        body: SMPL's file, or a folder with one for each gender. The word open poses with the open body instead. By
            default HUMANRIG_BODY_MODEL, where it is set. Bodies of humanrig need none.
        match: Pair people by name, or in each sequence by place, where a tracker numbers people as it likes. People of
            agora's pictures are always matched.
        partial: Allow frames that count to have no prediction, and tell how many.
        fps: Of the sequences, where their files do not say it.
        out: Write every number, also those of each person.
        json: Print the same.
    """
    from hps.errors import HpsError
    from hps.evaluation.files.opening import read_annotations
    from hps.evaluation.scoring import BodyModels, read_regressor, score_people, scoring_protocol
    from hps.evaluation.scoring.matching_by_place import named_by_place
    from hps.evaluation.scoring.score_pictures import AGORA, score_pictures
    from humanrig.errors import HumanrigError
    from humanrig.estimating.places import check_place
    from humanrig.scoring.report_file import write_report
    from humanrig.scoring.table import score_lines

    if fps is not None and not 0 < fps < 10_000:
        raise HumanrigError(f"--fps {fps} is no frame rate; give frames a second, such as 30")
    if out is not None:
        check_place("--out", out, (".json",), truth, "the truth")
    chosen = None if protocol == AGORA else scoring_protocol(protocol)
    regressors = {} if regressor is None else {"h36m17": read_regressor(regressor)}
    models = BodyModels(place=body)
    estimates, truths = read_annotations(predictions), read_annotations(truth)
    for side, path, people in (("predictions", predictions, estimates), ("truth", truth, truths)):
        if not people:
            raise HpsError(f"the {side} {path} holds nobody")
    told: list[str] = []
    if match == "place" and chosen is not None:
        estimates, told = named_by_place(estimates, truths, models)
    with progress("score") as update:
        if chosen is None:
            report = score_pictures(estimates, truths, models=models, on_progress=update)
        else:
            report = score_people(
                estimates,
                truths,
                chosen,
                models=models,
                regressors=regressors,
                partial=partial,
                rate_hz=float("nan") if fps is None else fps,
                on_progress=update,
            )
    report = replace(report, told=(*told, *report.told))
    if out is not None:
        write_report(out, report)
    if json:
        print_json(report.as_json())
    else:
        for line in score_lines(report):
            print(line)
    return 0
