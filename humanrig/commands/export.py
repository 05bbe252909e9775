"""`humanrig export`: results in the formats that other programs open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from humanrig.terminal import progress, say


def export(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    format: Literal["glb", "obj", "ply", "amass", "bvh", "joints", "humman", "smpl_params", "annotations", "mkv"],
    to: Annotated[Path | None, arg(metavar="FOLDER")] = None,
) -> int:
    """Write results, or the recording, in a format of another program, and print the paths.

    glb: one skinned, animated, textured model. obj: one textured mesh for each instant. ply: fused clouds and meshes.
    amass: body parameters in AMASS's layout. bvh: the skeleton under Mixamo's names. joints: the 24 joints with their
    uncertainty as .npz, .csv and .trc. humman: the folder layout of the HuMMan release (RGB-D sessions). smpl_params:
    its parameters alone, one file an instant. annotations: 2D keypoints with visibility and body parts in every camera.
    mkv: the recording of each Azure Kinect as a .mkv that Azure Kinect Viewer, the SDK and Open3D open; no stage needs
    to have run.

    Args:
        session: The session's folder; the stages that the format needs must have run.
        format: Which format.
        to: Where to write; default SESSION/exported/FORMAT.
    """
    from capture.missing_frames import missing_frames
    from capture.session import Session
    from humanrig.export import export_session

    opened = Session.open(session)
    folder = to or session / "exported" / format
    for text in missing_frames(opened):
        say(f"warning: frames are missing: {text}")
    with progress(f"export {format}") as update:
        paths = export_session(opened, format, folder, on_progress=update)
    for path in paths[:8]:
        print(path)
    for line in paths[-1].read_text("utf-8").splitlines() if format == "mkv" else ():
        if "left out" in line or "made from" in line or "stands in" in line:
            say(line)
    if len(paths) > 8:
        print(f"and {len(paths) - 8} more in {folder}")
    return 0
