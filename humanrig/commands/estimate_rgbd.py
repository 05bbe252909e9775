"""`humanrig estimate rgbd`: the people in pictures with depth beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from humanrig.terminal import print_json, say, stage_progress

Four = tuple[float, float, float, float]
Twelve = tuple[
    float, float, float, float, float, float, float, float, float, float, float, float
]  # fmt: skip


def rgbd(
    source: Annotated[Positional[Path], arg(metavar="COLOR|SESSION|RECORDING")],
    depth: Annotated[Positional[Path | None], arg(metavar="DEPTH.png")] = None,
    out: Annotated[Path | None, arg(metavar="BODY.npz")] = None,
    glb: Annotated[Path | None, arg(metavar="BODY.glb")] = None,
    overlay: Annotated[Path | None, arg(metavar="SEEN.png|SEEN.mp4")] = None,
    K: Annotated[Four | None, arg(metavar="FX FY CX CY")] = None,
    depth_K: Annotated[Four | None, arg(name="depth-K", metavar="FX FY CX CY")] = None,
    T_color_depth: Annotated[Twelve | None, arg(name="T-color-depth", metavar="R11 R12 R13 TX ...")] = None,
    unit: Literal["mm", "cm", "m"] = "mm",
    mask: Annotated[Path | None, arg(metavar="MASK.png")] = None,
    views: Annotated[tuple[str, ...], arg(metavar="DEVICE ...")] = (),
    frames: Annotated[str | None, arg(metavar="A:B")] = None,
    people: Annotated[int | None, arg(metavar="N")] = None,
    smooth: bool = True,
    size: Annotated[str, arg(metavar="S|M|L")] = "S",
    json: bool = False,
) -> int:
    """Find the bodies of everybody in pictures with depth, by both together, and say how sure they are: humanrig
    estimate rgbd COLOR.jpg DEPTH.png --K 600 600 320 240 --out body.npz

    Where picture and depth do not show the same, or one of both is missing, the body is of one of them alone, and it is
    said which and why. Bodies are in the frame of the colour camera (OpenCV: x right, y down, z forward), in metres; of
    a session in its world; of a phone in the phone's world, turned z up.

    Two files, depth aligned: humanrig estimate rgbd color.jpg depth.png --K 600 600 320 240 --out body.npz.
    Depth of a camera of its own: ... --depth-K 505 505 320 288 --T-color-depth R11 R12 R13 TX R21 ... TZ.
    A device of a session: humanrig estimate rgbd SESSION --views kinect_000 --out body.npz --overlay seen.mp4.
    A phone with LiDAR: humanrig estimate rgbd CAPTURE.r3d --out body.npz (or a Stray Scanner folder).

    Exit code 0: bodies to use; 1: none, with the reason.

    Args:
        source: A colour picture, a session, or a recording that humanrig import reads.
        depth: The depth image beside a picture: PNG of one channel with 16 bits, 0 where nothing was measured.
        out: Write the bodies, a file for each person, as docs/estimate_rgbd.md says.
        glb: Write them as animated models, z up turned to glTF's y up.
        overlay: Draw them over the picture (.png), or over the video (.mp4).
        K: Lens of the picture, pixels.
        depth_K: Lens of the depth image, pixels; without it depth is aligned with the picture.
        T_color_depth: Rows of the 3x4 matrix that takes the depth camera's coordinates to the colour camera's, metres.
        unit: Of a step of the depth image.
        mask: A picture of the colour picture's size, above 0 where the one person is; by default the detector says.
        views: Devices of a session, each by itself.
        frames: Of a session or a recording, from A up to B (not included). B may be left out.
        people: Only the N people who are seen largest and longest; by default everybody.
        smooth: --no-smooth takes each frame by itself, under one shape.
        size: Of the network that reads the points.
        json: Print the figures as JSON.
    """
    from hps.errors import HpsError
    from hps.rgbd.loading import load
    from humanrig.commands.reconstruct import parse_frames
    from humanrig.errors import HumanrigError
    from humanrig.estimating.rgb.detecting import make_detector
    from humanrig.estimating.rgb.outputs import Outputs
    from humanrig.estimating.rgbd.estimating import estimate_people
    from humanrig.estimating.rgbd.image_pair import PairCameras
    from humanrig.estimating.rgbd.opening import opened
    from humanrig.estimating.rgbd.person_views import people_in
    from registration.errors import RegistrationError

    outputs = Outputs(bodies=out, glb=glb, overlay=overlay)
    if (out, glb, overlay) == (None, None, None) and not json:
        raise HumanrigError("nothing is to be written; give at least one of --out, --glb, --overlay and --json")
    if people is not None and people < 1:
        raise HumanrigError(f"--people {people}: expected 1 or more")
    outputs.check(source, video=depth is None)
    cameras = PairCameras(K=K, depth_K=depth_K, T_color_depth=T_color_depth, unit=unit, mask=mask)
    told: list[dict[str, Any]] = []
    with stage_progress() as update, opened(source, depth, cameras, views, parse_frames(frames), update) as pieces:
        estimator = load(size)
        detector = make_detector(people)
        for piece in pieces:
            for sentence in piece.footage.told:
                say(sentence)
            own = outputs.of(piece.footage.name if len(pieces) > 1 else None, None)
            try:
                seen = people_in(piece, detector, people, update)
                figures = estimate_people(estimator, piece, seen, own, smooth=smooth, progress=update)
            except (HumanrigError, HpsError, RegistrationError) as error:
                if len(pieces) == 1:
                    raise
                say(str(error))
                told.append({"name": piece.footage.name, "people": {}, "refused": str(error)})
                continue
            told.append(figures)
            for line in sentences(figures):
                say(f"{piece.footage.name}: {line}" if len(pieces) > 1 else line)
            if own.overlay is not None:
                say(f"{own.overlay}")
    if json:
        print_json({"footage": told})
    return 0 if any(one["doubted"] < one["bodies"] for some in told for one in some["people"].values()) else 1


def sentences(figures: dict[str, Any]) -> list[str]:
    """What was found in some footage, for people."""
    lines = [f"the bodies are in {figures['frame']}"]
    shift = figures["depth_shift_m"]
    if shift is not None:
        x, y, z = (100 * value for value in shift)
        lines.append(
            f"in the median of the frames the picture shows people {x:+.0f} cm to the right, {y:+.0f} cm lower and "
            f"{z:+.0f} cm farther away than the depth; check the calibration between both"
        )
    for name, one in figures["people"].items():
        size = f"{one['height_m']:.2f} m tall, {one['distance_m_median']:.1f} m away"
        sure = f"confidence {one['confidence_median']:.2f}"
        if one["doubted"] < one["bodies"]:
            sure += f", joints sure to {one['joint_sigma_mm_median']:.0f} mm"
        if figures["frames"] == 1:
            lines.append(f"{name}: {size}: {sure}")
        else:
            lines.append(f"{name}: {one['bodies']} bodies of {figures['frames']} frames, {size}: in the median {sure}")
        noted = [frame for frame in one["by_frame"] if frame["note"]]
        if noted and figures["frames"] == 1:
            lines.append(f"{name}: {noted[0]['note']}")
        elif noted:
            lines.append(
                f"{name}: {len(noted)} bodies of one of both, such as frame {noted[0]['frame']}: {noted[0]['note']}"
            )
        if one["doubted"]:
            first = next(frame for frame in one["by_frame"] if frame["confidence"] < 0.5)
            what = "do not use it" if figures["frames"] == 1 else f"{one['doubted']} should not be used, such as frame "
            what += "" if figures["frames"] == 1 else str(first["frame"])
            lines.append(f"{name}: {what}: {first['reason'] or 'bridged'}")
        lines += one["files"]
    return lines
