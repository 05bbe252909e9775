"""`humanrig estimate rgb`: the people in a photograph or a video, from their keypoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from humanrig.terminal import print_json, say, stage_progress


def rgb(
    source: Annotated[Positional[Path], arg(metavar="IMAGE|VIDEO|FOLDER|SESSION")],
    out: Annotated[Path | None, arg(metavar="BODY.npz")] = None,
    glb: Annotated[Path | None, arg(metavar="BODY.glb")] = None,
    overlay: Annotated[Path | None, arg(metavar="SEEN.png|SEEN.mp4")] = None,
    fov: Annotated[float | None, arg(metavar="DEGREES")] = None,
    K: Annotated[tuple[float, float, float, float] | None, arg(metavar="FX FY CX CY")] = None,
    views: Annotated[tuple[str, ...], arg(metavar="CAMERA ...")] = (),
    frames: Annotated[str | None, arg(metavar="A:B")] = None,
    people: Annotated[int | None, arg(metavar="N")] = None,
    height: Annotated[float | None, arg(metavar="METRES")] = None,
    children: bool = False,
    smooth: bool = True,
    floor: bool = False,
    weights: Annotated[Path | None, arg(metavar="FILE.safetensors")] = None,
    json: bool = False,
) -> int:
    """Find the bodies of everybody in a photograph or a video, and say how sure they are: humanrig estimate rgb
    PHOTO.jpg --out body.npz

    Bodies are in the frame of the camera (OpenCV: x right, y down, z forward), in metres; of a session with calibrated
    cameras in its world. Distances hang on the field of view: it is taken from --fov or --K, from the session, from the
    picture's EXIF data, or else estimated, and always told. One picture does not tell size from distance either:
    people are taken for adults, unless --children or --height says more.

    A photograph: humanrig estimate rgb PHOTO.jpg --out body.npz --glb body.glb --overlay seen.png.
    A video: humanrig estimate rgb WALK.mp4 --fov 40 --frames 0:200 --people 1 --out body.npz --overlay seen.mp4.
    A camera of a session: humanrig estimate rgb SESSION --views cam01 --out body.npz.

    Exit code 0: bodies to use; 1: none, with the reason.

    Args:
        source: A .jpg, .png, .webp or .tif picture; a video; a folder of pictures, each by itself; or a session.
        out: Write the bodies, a file for each person, as docs/estimate_rgb.md says.
        glb: Write them as animated models, z up turned to glTF's y up.
        overlay: Draw them over the picture (.png), or over the video (.mp4).
        fov: Angle of view from the top to the bottom of the upright picture.
        K: Focal lengths and principal point, pixels of the upright picture.
        views: Colour cameras of a session, each by itself.
        frames: Of a video or a session, from A up to B (not included). B may be left out.
        people: Only the N people who are seen largest and longest; by default everybody.
        height: How tall everybody is who is in the picture, barefoot; sizes and distances are then no guess.
        children: There may be children; by default everybody is taken for grown up, and is the farther away.
        smooth: --no-smooth takes each frame of a video by itself, under one shape.
        floor: The camera stood still: bring everybody onto the floor that their soles agree on.
        weights: Of another lifter than the one that comes with humanrig.
        json: Print the figures as JSON.
    """
    from hps.errors import HpsError
    from hps.rgb.fitting.who import Who
    from hps.rgb.loading import load
    from humanrig.commands.reconstruct import parse_frames
    from humanrig.errors import HumanrigError
    from humanrig.estimating.rgb.detecting import make_detector
    from humanrig.estimating.rgb.estimating import ClipOptions, estimate_people, see_people
    from humanrig.estimating.rgb.footage import is_video, open_footage
    from humanrig.estimating.rgb.lens import lens_from_people, lens_that_is_known
    from humanrig.estimating.rgb.outputs import Outputs
    from registration.errors import RegistrationError

    outputs = Outputs(bodies=out, glb=glb, overlay=overlay)
    if (out, glb, overlay) == (None, None, None) and not json:
        raise HumanrigError("nothing is to be written; give at least one of --out, --glb, --overlay and --json")
    if people is not None and people < 1:
        raise HumanrigError(f"--people {people}: expected 1 or more")
    who = Who(children=children, height_m=height)
    outputs.check(source, video=is_video(source))
    opened = open_footage(source, views=views, frames=parse_frames(frames))
    how = ClipOptions(smooth=smooth, floor=floor)
    for footage in opened:
        how.check(footage)
    estimator = load(weights, who=who)
    detector = make_detector(people)
    told: list[dict[str, Any]] = []
    for footage in opened:
        for sentence in footage.told:
            say(sentence)
        own = outputs.of(footage.name if len(opened) > 1 else None, None)
        try:
            known, note = lens_that_is_known(footage, fov, K)
            with stage_progress() as update:
                seen = see_people(footage, detector, people, update)
                lens = known or lens_from_people(footage, seen, estimator, note)
                figures = estimate_people(estimator, seen, lens, own, how, update)
        except (HumanrigError, HpsError, RegistrationError) as error:
            if len(opened) == 1:
                raise
            say(str(error))
            told.append({"name": footage.name, "people": {}, "refused": str(error)})
            continue
        told.append(figures)
        for line in sentences(figures, lens.sentence):
            say(f"{footage.name}: {line}" if len(opened) > 1 else line)
        if own.overlay is not None:
            say(f"{own.overlay}")
    if json:
        print_json({"footage": told})
    return 0 if any(one["doubted"] < one["bodies"] for some in told for one in some["people"].values()) else 1


def sentences(figures: dict[str, Any], lens: str) -> list[str]:
    """What was found in some footage, for people."""
    lines = [lens]
    if figures["seen_too_briefly"]:
        lines.append(f"{figures['seen_too_briefly']} more were seen too briefly, and are left out")
    for name, one in figures["people"].items():
        size = f"{one['height_m']:.2f} m tall, {one['distance_m_median']:.1f} m away"
        sure = f"confidence {one['confidence_median']:.2f}"
        if one["doubted"] < one["bodies"]:
            across, along = one["joint_sigma_across_mm_median"], one["joint_sigma_along_mm_median"]
            sure += f", joints sure to {across:.0f} mm across the view and {along:.0f} mm along it"
        if figures["frames"] == 1:
            lines.append(f"{name}: {size}: {sure}")
        else:
            lines.append(f"{name}: {one['bodies']} bodies of {figures['frames']} frames, {size}: in the median {sure}")
        if one["floor"]:
            lines.append(f"{name}: stands on a floor {one['floor']['camera_height_m']:.2f} m below the camera")
        if one["unseen"]:
            lines.append(f"{name}: {' and '.join(one['unseen'])} not seen: how they are held is a guess")
        if one["doubted"]:
            first = next(frame for frame in one["by_frame"] if frame["confidence"] < 0.5)
            what = "do not use it" if figures["frames"] == 1 else f"{one['doubted']} should not be used, such as frame "
            what += "" if figures["frames"] == 1 else str(first["frame"])
            lines.append(f"{name}: {what}: {first['reason'] or 'bridged'}")
        lines += one["files"]
    return lines
