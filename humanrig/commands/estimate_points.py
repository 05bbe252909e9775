"""`humanrig estimate points`: the body in a point cloud, without pictures and without keypoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from humanrig.terminal import print_json, progress, say


def points(
    source: Annotated[Positional[Path], arg(metavar="CLOUD|SESSION")],
    out: Annotated[Path | None, arg(metavar="BODY.npz")] = None,
    glb: Annotated[Path | None, arg(metavar="BODY.glb")] = None,
    picture: Annotated[Path | None, arg(metavar="PICTURE.png")] = None,
    size: Annotated[str, arg(metavar="S|M|L")] = "S",
    weights: Annotated[Path | None, arg(metavar="FILE.safetensors")] = None,
    refine: bool = True,
    unit: Literal["m", "cm", "mm"] = "m",
    up: Annotated[tuple[float, float, float] | None, arg(metavar="X Y Z")] = None,
    origin: Annotated[tuple[float, float, float] | None, arg(metavar="X Y Z")] = None,
    K: Annotated[tuple[float, float, float, float] | None, arg(metavar="FX FY CX CY")] = None,
    mask: Annotated[Path | None, arg(metavar="MASK.png")] = None,
    views: Annotated[tuple[str, ...], arg(metavar="CAMERA ...")] = (),
    frames: Annotated[str | None, arg(metavar="A:B")] = None,
    person: Annotated[int | None, arg(metavar="N")] = None,
    sequence: bool = False,
    device: str = "cpu",
    json: bool = False,
) -> int:
    """Find the body in a point cloud of one person, or in every cloud of a session, and say how sure it is: humanrig
    estimate points CLOUD.ply --out body.npz

    A file's cloud is taken to be in the frame of the camera that saw it (OpenCV: x right, y down, z forward), in
    metres. A cloud in another frame needs --up, and --origin where the camera's place is known.

    One cloud: humanrig estimate points CLOUD.ply --out body.npz --glb body.glb.
    A depth image: humanrig estimate points depth.png --K 505 505 320 288 --mask person.png --out body.npz.
    A session: humanrig estimate points SESSION --views kinect_000 --sequence --out body.npz.

    Exit code 0: bodies to use; 1: none, with the reason.

    Args:
        source: A .ply, .pcd or .npz file, a depth image (.png of 16 bits, millimetres), or a session with clouds.
        out: Write the bodies, as docs/estimate_points.md says.
        glb: Write the bodies as an animated model, z up turned to glTF's y up.
        picture: Draw cloud and body from two sides.
        size: Of the network that comes with humanrig: S is fastest, L most accurate.
        weights: A file of weights instead.
        refine: --no-refine leaves the fit to the points out, where the landmarks are unsure.
        unit: Of a file.
        up: Against gravity, in the file's frame.
        origin: Where the camera stood, in the file's frame and unit.
        K: Of a depth image, pixels.
        mask: Of a depth image: above 0 where the person is.
        views: Only these cameras of a session.
        frames: Instants of a session from A up to B (not included). B may be left out.
        person: Only this person of a session; by default everybody.
        sequence: Use time: a smooth motion through frames that may be wrong or missing.
        device: Of the network, such as cuda.
        json: Print the figures as JSON.
    """
    from hps.errors import HpsError
    from hps.points.fitting.config import BodyFitConfig
    from hps.points.loading import load
    from humanrig.commands.reconstruct import parse_frames
    from humanrig.errors import HumanrigError
    from humanrig.estimating.cloud_file import FileOptions
    from humanrig.estimating.points import Outputs, estimate_person, open_source

    outputs = Outputs(bodies=out, glb=glb, picture=picture)
    if not outputs.paths and not json:
        raise HumanrigError("nothing is to be written; give at least one of --out, --glb, --picture and --json")
    outputs.check(source)
    options = FileOptions(unit=unit, up=up, origin=origin, K=K, mask=mask)
    with progress("clouds") as update:
        opened = open_source(
            source, options, views=views, frames=parse_frames(frames), person=person, on_progress=update
        )
    for sentence in opened.told:
        say(sentence)
    estimator = load(size if weights is None else weights, device=device, fit=BodyFitConfig(refine=refine))
    if estimator.info is not None and not estimator.info.calibration:
        say("these weights were not calibrated: confidence is rough, and how sure joints are is not known")
    found: dict[str, Any] = {}
    many = len(opened.people) > 1
    for one in opened.people:
        own = outputs.of_person(one.person, many)
        try:
            with progress("estimate") as update:
                told = estimate_person(estimator, one, own, sequence=sequence, on_progress=update)
        except HpsError as error:
            if not many:
                raise
            say(f"person{one.person:02d}: {error}")
            refused = {str(instant): str(error) for instant in one.instants.tolist()}
            found[f"person{one.person:02d}"] = {"frames": len(refused), "bodies": 0, "doubted": 0, "refused": refused}
            continue
        found[f"person{one.person:02d}"] = told
        for line in sentences(told):
            say(f"person{one.person:02d}: {line}" if many else line)
        for path in own.paths:
            say(f"{path}")
    if json:
        print_json(found)
    return 0 if any(told["doubted"] < told["bodies"] for told in found.values()) else 1


def sentences(told: dict[str, Any]) -> list[str]:
    """What was found of one person, for people."""
    bodies, frames = told["bodies"], told["frames"]
    sure = f"confidence {told['confidence_median']:.2f}"
    if told["calibrated"] and told["doubted"] < bodies:
        sure += f", joints sure to {told['joint_sigma_mm_median']:.0f} mm"
    if told["cloud_to_body_mm_median"] is not None:
        sure += f", points {told['cloud_to_body_mm_median']:.0f} mm from the body"
    if frames == 1:
        reason = told["by_frame"][0]["reason"]
        lines = [f"a body {told['height_m']:.2f} m tall: {sure}"]
        return [*lines, f"do not use it: {reason}"] if told["doubted"] else lines
    lines = [f"{bodies} bodies of {frames} instants, {told['height_m']:.2f} m tall: in the median {sure}"]
    if told["doubted"]:
        first = next(frame for frame in told["by_frame"] if frame["confidence"] < 0.5)
        lines.append(
            f"{told['doubted']} should not be used, such as instant {first['instant']}: {first['reason'] or 'bridged'}"
        )
    if told["refused"]:
        instant, reason = next(iter(told["refused"].items()))
        lines.append(f"{len(told['refused'])} instants without a body, such as {instant}: {reason}")
    return lines
