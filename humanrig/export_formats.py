"""The formats of `humanrig export`: one line each, and nothing else has to know of a new one."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Literal

Scope = Literal["person", "named", "everybody", "recording"]
"""person: a call for each person, whose files carry no name; of several people each gets a folder.
named: a call for each person, whose files carry the person's name.
everybody: one call for all people. recording: one call for the session, also before anybody was fitted."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format. Its module's `write` gets what the scope says, an empty folder and (done, total), and returns lines
    about frames, axes and units for source.txt."""

    module: str
    """In the package humanrig.export; imported when it is used."""
    scope: Scope
    says: str
    """For --help: what the files are."""
    version: int = 1
    """Raised when a change of code changes the files: `--format all` then writes them anew."""
    of_all: bool = True
    """Whether `--format all` writes it: not what only gathers other formats."""

    def writer(self) -> Any:
        """The function that writes it: (what, folder, on_progress) to lines."""
        return import_module(f"humanrig.export.{self.module}").write


FORMATS: Final[dict[str, Format]] = {
    "glb": Format("glb", "named", "one skinned, animated, textured model"),
    "glb_baked": Format("glb_baked", "named", "every surface as it is, with morph targets, without a skeleton"),
    "usd": Format("usd", "named", "the skinned model (.usdc, .usdz) and every surface as a mesh cache"),
    "obj": Format("obj", "person", "one textured mesh for each instant"),
    "ply": Format("ply", "person", "fused clouds and meshes"),
    "amass": Format("amass", "named", "body parameters in AMASS's layout"),
    "bvh": Format("bvh", "named", "the skeleton under Mixamo's names"),
    "joints": Format("joints", "named", "the 24 joints with their uncertainty as .npz, .csv and .trc"),
    "humman": Format("humman", "person", "the folders of HuMMan-Recon v1.0 (RGB-D sessions)"),
    "humman_point": Format(
        "humman_point", "person", "the folders of HuMMan-Point v1.0: videos, depth, masks, background"
    ),
    "smc": Format(
        "smc", "recording", "HuMMan's raw .smc (HDF5) of the recording, with keypoints and body (RGB-D sessions)"
    ),
    "smpl_params": Format("smpl_params", "person", "HuMMan's parameters alone, one file an instant"),
    "humandata": Format(
        "humandata", "everybody", "mmhuman3d's HumanData, one .npz for each person and camera, with images"
    ),
    "annotations": Format("labels", "everybody", "2D keypoints with visibility and body parts in every camera"),
    "mkv": Format("mkv", "recording", "the recording of each Azure Kinect, as Viewer, SDK and Open3D open it"),
    "db3": Format("db3", "recording", "the recording of each RealSense unit, written by the maker's recorder"),
    "r3d": Format("r3d", "recording", "the recording of each phone as Record3D's archive"),
    "stray": Format("stray", "recording", "the recording of each phone as Stray Scanner's folder"),
    "native": Format("native", "recording", "mkv, db3, r3d and stray, of each device what it is", of_all=False),
}
"""By the name that --format takes, in the order in which `--format all` writes them."""
ALL: Final = "all"
"""Asks for every format that the session allows."""
