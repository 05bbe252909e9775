"""`humanrig keypoints`: everybody's keypoints in the images and in space, running the stages before it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from humanrig.commands.reconstruct import parse_frames, read_configs
from humanrig.terminal import stage_progress

if TYPE_CHECKING:
    from capture.session import Session
    from humanrig.pipeline import Outcome, Request


def keypoints(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    people: Annotated[int | None, arg(metavar="N")] = None,
    detector: Annotated[Path | None, arg(metavar="FILE.onnx")] = None,
    frames: Annotated[str | None, arg(metavar="A:B")] = None,
    without: Annotated[tuple[str, ...], arg(metavar="CAMERA ...")] = (),
    workers: Annotated[int | None, arg(metavar="N")] = None,
    option: Annotated[tuple[str, ...], arg(metavar="STAGE.KEY=VALUE ...")] = (),
    again: bool = False,
    json: bool = False,
) -> int:
    """Find people's keypoints in every colour camera and in space, with how sure each is.

    Runs sync, calibrate and masks first where they have not run; what is done and unchanged is skipped. Detections are
    kept, so that other options cost little. Writes SESSION/keypoints/personNN.npz (docs/conventions.md).

    Args:
        session: The session's folder.
        people: How many people to follow, 0 for everybody; by default as the masks were made, else one.
        detector: An ONNX pose model in place of BlazePose; FILE.toml describes it (docs/keypoints.md).
        frames: Use the instants from A up to B (not included), such as 0:60. B may be left out.
        without: Cameras that are not used.
        workers: Cameras that are searched at the same time; by default one for each processor.
        option: One option of a stage, such as keypoints.max_gap_s=0.5.
        again: Put the keypoints together again although nothing changed.
        json: Print every figure as JSON.
    """
    from capture.session import Session
    from humanrig import pipeline
    from humanrig.commands.stage_ending import tell
    from humanrig.registering.options import set_people

    opened = Session.open(session)
    configs = read_configs(None, option)
    set_people(opened, configs, people)
    if detector is not None:
        configs.setdefault("keypoints", {})["detector"] = str(detector)
    if workers is not None:
        configs.setdefault("keypoints", {})["workers"] = workers
    request = pipeline.Request(until="masks", frames=parse_frames(frames), without=frozenset(without), configs=configs)
    with stage_progress() as update:
        outcomes = [*pipeline.reconstruct(opened, request, on_stage=update), _found(opened, request, again, update)]
    tell(outcomes, sentences, opened.path("keypoints"), json=json)
    return 0


def sentences(figures: dict[str, Any]) -> list[str]:
    """How much of each person was found and how well the cameras agree, for people; of the first one by camera."""
    lines = []
    for number, some in enumerate([figures, *figures["others"]]):
        lines.append(
            f"person{number:02d}: {100 * some['joints_seen']:.1f} % of the joints seen, "
            f"{100 * some['joints_interpolated']:.1f} % interpolated, {some['cameras_per_joint']:.1f} cameras a joint; "
            f"reprojection {_px(some['reprojection_px']['median'])}, σ {_or_dash(some['sigma_mm']['median'])} mm"
        )
    lines += [
        f"  {name:<20} seen {camera['instants_seen']:>4} times, {100 * camera['used']:5.1f} % of the joints used, "
        f"{_px(camera['reprojection_px']['median'])}"
        + (f", sides exchanged {camera['instants_flipped']} times" if camera["instants_flipped"] else "")
        for name, camera in figures["cameras"].items()
    ]
    return lines


def _found(session: Session, request: Request, again: bool, update: Any) -> Outcome:
    """The stage itself; the clouds before it are not needed."""
    from dataclasses import replace

    from humanrig import pipeline

    stage = pipeline.load_stage("keypoints")
    if request.frames is None and not request.without:
        return pipeline.run_alone(
            session, stage, (request.configs or {}).get("keypoints", {}), again=again, on_stage=update
        )
    return pipeline.reconstruct(session, replace(request, until=None, only="keypoints"), on_stage=update)[0]


def _px(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} px"


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
