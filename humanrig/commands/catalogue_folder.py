"""Where the catalogue of actions and subjects is."""

from __future__ import annotations

from pathlib import Path

DEFAULT = Path("catalogue")


def catalogue_folder(given: Path | None, rig: Path = Path("rig.toml")) -> Path:
    """What is given, else what rig.toml names, else `catalogue` here. Raises CaptureError on a wrong rig.toml."""
    from capture.rig.rig_file import read_rig

    if given is not None:
        return given
    return read_rig(rig).catalogue_folder if rig.exists() else DEFAULT
