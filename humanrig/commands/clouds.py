"""`humanrig clouds`: clean, fused point clouds of a session, running the stages before it that are needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from humanrig.commands.reconstruct import read_configs


def clouds(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    people: Annotated[int | None, arg(metavar="N")] = None,
    frames: Annotated[str | None, arg(metavar="A:B")] = None,
    without: Annotated[tuple[str, ...], arg(metavar="CAMERA ...")] = (),
    workers: Annotated[int | None, arg(metavar="N")] = None,
    option: Annotated[tuple[str, ...], arg(metavar="STAGE.KEY=VALUE ...")] = (),
    again: bool = False,
    json: bool = False,
) -> int:
    """Turn depth images into one clean point cloud of the people for every instant.

    Runs sync, calibrate and masks first where they have not run; what is done and unchanged is skipped, and an
    interrupted run goes on where it stopped. Writes SESSION/clouds/NNNNNN.npz (docs/conventions.md).

    Args:
        session: The session's folder.
        people: How many people to keep, 0 for everybody; by default as the masks were made, else one.
        frames: Use the instants from A up to B (not included), such as 0:60. B may be left out.
        without: Cameras that are not used.
        workers: Processes; by default one for each processor.
        option: One option of a stage, such as clouds.voxel_m=0.003.
        again: Make the clouds again although nothing changed.
        json: Print every figure as JSON.
    """
    from capture.session import Session
    from humanrig.commands.until_stage import run_until
    from humanrig.errors import HumanrigError
    from humanrig.registering.options import set_people

    opened = Session.open(session)
    if not opened.of_kind("depth"):
        raise HumanrigError(f"{session} has no depth stream, and clouds are made of depth; use humanrig keypoints")
    configs = read_configs(None, option)
    set_people(opened, configs, people)
    return run_until(
        "clouds",
        opened,
        configs,
        sentences,
        wishes={"workers": workers},
        frames=frames,
        without=without,
        again=again,
        json=json,
    )


def sentences(figures: dict[str, Any]) -> list[str]:
    """What each filter removed and how the cameras agree, for people. The values are means over the instants."""
    if "skipped" in figures:
        return [str(figures["skipped"])]
    removed = figures["removed"]
    lines = [
        f"{sum(figures['seen'].values())} pixels of people, {figures['points']} points an instant",
        f"removed: {removed['edge']} at edges, {removed['unconfirmed']} that no other camera confirms, "
        f"{removed['carved']} that others look through; {removed['thinned']} share a voxel with a better one",
    ]
    if figures["empty"]:
        lines.append(f"instants without a cloud: {', '.join(map(str, figures['empty']))}")
    lines += [
        f"  {name:<20} {figures['kept'][name]:>6} points, {_or_dash(figures['apart_mm'][name], '.1f')} mm from the "
        f"others' surface, {_or_dash(figures['unconfirmed_percent'][name], '.0f')} % seen by it alone"
        for name in figures["kept"]
    ]
    return lines


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
