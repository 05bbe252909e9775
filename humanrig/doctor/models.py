"""Body files and networks: the one that is set, those that come with the package, and those that are fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from humanrig.doctor.finding import Finding, broken, look, off, ok

FETCH = "run: humanrig models fetch"


def body_file() -> Iterator[Finding]:
    """The body model stands."""
    import numpy as np

    from body.loading import SETTING, find_body_model
    from body.parameters import BodyParameters

    search = find_body_model()
    if search.model is None:
        fix = f"set {SETTING} to an SMPL .pkl or .npz file, or unset it to use the open body"
        yield broken("body model", search.problem or "none was found", fix)
        return
    model = search.model
    still = BodyParameters(
        betas=np.zeros(1), global_orient=np.zeros((1, 3)), body_pose=np.zeros((1, 69)), transl=np.zeros((1, 3))
    )
    height = float(np.ptp(model.pose(still).vertices[0, :, 1]))
    kind = "the open body" if search.is_open_body else f"your own file {search.used}"
    about = f"{kind}, {model.vertex_count} vertices, {100 * height:.0f} cm, sha256 {model.sha256[:12]}"
    if not 1.2 < height < 2.2:
        yield look("body model", about, f"a mean adult of that height is odd; is {SETTING} the file that you mean?")
    else:
        yield ok("body model", about)
    if search.is_open_body:
        fix = f"none is needed; with a licence of your own, set {SETTING} to your SMPL file"
        yield off("SMPL", f"{SETTING} is not set", fix)


def shipped_weights() -> Iterator[Finding]:
    """The networks that come with the package load for the body that is set."""
    from body.errors import BodyError
    from hps.errors import HpsError
    from hps.points import loading as points
    from hps.rgb.lifter import loading as lifter

    for name, path, load in (
        ("point estimator", points.weights_path(points.DEFAULT), points.load),
        ("lifter", lifter.WEIGHTS, lifter.load),
    ):
        try:
            load()
            yield ok(name, f"{path.name} loads, sha256 {_digest(path)}")
        except (HpsError, BodyError, OSError) as error:
            why, _, fix = str(error).rpartition("; ")
            yield off(name, why or str(error), fix or "install humanrig again")


def fetched() -> Iterator[Finding]:
    """What is downloaded once; BlazePose is made to look at a picture."""
    import numpy as np

    from humanrig import wheel_assets
    from humanrig.wheel_files import cached

    if not cached(wheel_assets.BLAZEPOSE):
        size = wheel_assets.BLAZEPOSE.megabytes
        yield look("BlazePose", f"its weights are not fetched yet ({size} MB)", f"{FETCH}, while there is a network")
    else:
        from registration.keypoints.blazepose import BlazePose, BlazePoseOptions

        paths = wheel_assets.blazepose_weights()
        found = BlazePose(*paths, BlazePoseOptions()).detect(np.full((240, 320, 3), 127, np.uint8))
        hashes = ", ".join(f"{path.name} {_digest(path)}" for path in paths)
        if found:
            yield look("BlazePose", f"sees {len(found)} people in a grey picture ({hashes})", FETCH)
        else:
            yield ok("BlazePose", f"runs; {hashes}")
    for name, source, fix in (
        ("motion clips", wheel_assets.DEEPMIMIC, f"for simulated people who walk, run and turn, {FETCH}"),
        ("sample videos", wheel_assets.SAMPLE_PERSON, "none is needed; humanrig sample fetches them"),
    ):
        if cached(source):
            yield ok(name, f"{source.requirement}, whole")
        else:
            yield off(name, f"not fetched yet ({source.megabytes} MB)", fix)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
