"""`humanrig mesh`: the surface of everybody at every instant, running the stages before it that are needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from humanrig.commands.reconstruct import read_configs


def mesh(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    surface: Literal["tracked", "free", "body"] | None = None,
    method: Literal["tsdf", "poisson"] | None = None,
    tracked: bool = False,
    faces: Annotated[int | None, arg(metavar="N")] = None,
    frames: Annotated[str | None, arg(metavar="A:B")] = None,
    without: Annotated[tuple[str, ...], arg(metavar="CAMERA ...")] = (),
    workers: Annotated[int | None, arg(metavar="N")] = None,
    option: Annotated[tuple[str, ...], arg(metavar="STAGE.KEY=VALUE ...")] = (),
    again: bool = False,
    json: bool = False,
) -> int:
    """Make the surface of everybody, body and clothes, at every instant.

    Runs the stages from sync to register first where they have not run; what is done and unchanged is skipped. Writes
    SESSION/mesh/ (docs/conventions.md). Go on with: humanrig texture SESSION.

    Args:
        session: The session's folder.
        surface: tracked: one topology follows the body and the clouds; free: a new one at each instant, from depth
            alone where cameras look; body: the fitted body, thickened. By default tracked where there is depth, else
            body.
        method: How free surfaces, and the first one of a tracked segment, are made of depth (default tsdf).
        tracked: The same as --surface tracked.
        faces: Triangles of a surface (default 20000).
        frames: Use the instants from A up to B (not included), such as 0:60. B may be left out.
        without: Cameras that no stage uses; the stages before are run again where they used them.
        workers: Processes; by default one for each processor.
        option: One option of a stage, such as mesh.template=scan.obj, a scan of the person to be tracked.
        again: Make the surfaces again although nothing changed.
        json: Print every figure as JSON.
    """
    from capture.session import Session
    from humanrig.commands.until_stage import run_until
    from humanrig.errors import HumanrigError

    if tracked and surface not in (None, "tracked"):
        raise HumanrigError(f"--tracked and --surface {surface} exclude each other; leave one of them out")
    opened, configs = Session.open(session), read_configs(None, option)
    wishes = {"surface": "tracked" if tracked else surface, "method": method, "faces": faces, "workers": workers}
    return run_until(
        "mesh", opened, configs, sentences, wishes=wishes, frames=frames, without=without, again=again, json=json
    )


def sentences(figures: dict[str, Any]) -> list[str]:
    """What was made of each person, for people."""
    everybody = figures.get("people", {"": figures})
    return [f"{name}: {_sentence(one)}" if name else _sentence(one) for name, one in everybody.items()]


def _sentence(figures: dict[str, Any]) -> str:
    instants, segments = figures["instants"], figures["segments"]
    told = {
        "tracked": f"tracked in {segments} {'segment' if segments == 1 else 'segments'}",
        "free": "a surface of its own at each",
        "body": "the fitted body, thickened",
    }[figures["surface"]]
    parts = [f"{instants} {'instant' if instants == 1 else 'instants'}: {told}, {figures['faces']} triangles"]
    if "cloud_to_surface_mm" in figures:
        parts.append(
            f"{figures['cloud_to_surface_mm']} mm from the clouds in the median, "
            f"{figures['unexplained_percent']} % of them left out"
        )
    if figures["flagged"]:
        parts.append(f"{figures['flagged']} flagged")
    if figures["without_surface"]:
        parts.append(f"{len(figures['without_surface'])} without a surface")
    return "; ".join(parts)
