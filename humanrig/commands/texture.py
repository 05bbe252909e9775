"""`humanrig texture`: the surfaces painted from all colour cameras, after the stages before it that are needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from humanrig.commands.reconstruct import read_configs


def texture(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    size: Annotated[int | None, arg(metavar="N")] = None,
    frames: Annotated[str | None, arg(metavar="A:B")] = None,
    without: Annotated[tuple[str, ...], arg(metavar="CAMERA ...")] = (),
    workers: Annotated[int | None, arg(metavar="N")] = None,
    option: Annotated[tuple[str, ...], arg(metavar="STAGE.KEY=VALUE ...")] = (),
    again: bool = False,
    json: bool = False,
) -> int:
    """Paint the surfaces from all colour cameras: a texture for the sequence, and one for every instant.

    Runs the stages from sync to mesh first where they have not run; what is done and unchanged is skipped. Writes
    SESSION/texture/ (docs/conventions.md). Go on with: humanrig export SESSION --format glb.

    Args:
        session: The session's folder.
        size: Rows and columns of a texture (default 2048).
        frames: Use the instants from A up to B (not included), such as 0:60. B may be left out.
        without: Cameras that no stage uses; the stages before are run again where they used them.
        workers: Processes; by default one for each processor.
        option: One option of a stage, such as texture.masks=false.
        again: Paint again although nothing changed.
        json: Print every figure as JSON.
    """
    from capture.session import Session
    from humanrig.commands.until_stage import run_until

    opened, configs = Session.open(session), read_configs(None, option)
    wishes = {"size": size, "workers": workers}
    return run_until(
        "texture", opened, configs, sentences, wishes=wishes, frames=frames, without=without, again=again, json=json
    )


def sentences(figures: dict[str, Any]) -> list[str]:
    """What was painted of each person, for people."""
    if "skipped" in figures:
        return [f"no texture: {figures['skipped']}"]
    everybody = figures.get("people", {"": figures})
    return [f"{name}: {_sentence(one)}" if name else _sentence(one) for name, one in everybody.items()]


def _sentence(figures: dict[str, Any]) -> str:
    segments = figures["segments"]
    parts = [
        f"{segments} {'texture' if segments == 1 else 'textures'} of {figures['size']} from {figures['cameras']} "
        f"cameras, {100 * figures['seen_clip']:.0f} % of the surface seen"
    ]
    if "seen_instant" in figures:
        parts.append(f"{100 * figures['seen_instant']:.0f} % at a single instant")
    if polish := figures["polish"]:
        parts.append("cameras polished" if polish["kept"] else "cameras as calibrated")
    if figures["without_texture"]:
        missing = len(figures["without_texture"])
        parts.append(f"{missing} {'instant' if missing == 1 else 'instants'} without texture")
    return "; ".join(parts)
