"""`humanrig calibration convert|compare`: camera files of other tools, and two calibrations side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from tyro.conf import Positional, arg

from humanrig.commands.group import group
from humanrig.errors import HumanrigError
from humanrig.terminal import print_json, say

if TYPE_CHECKING:
    from calibration.comparison import Comparison
    from geometry.camera import Camera
    from geometry.camera_files.any_format import ReadOptions

Format = Literal["humanrig", "humman", "aniposelib", "opencv", "colmap", "easymocap", "kalibr", "azure-kinect"]
Axis = Literal["x", "-x", "y", "-y", "z", "-z"]
IN_SESSION = ("rig_calibration/cameras.json", "calibration/cameras.json", "recording/cameras.json")
"""Where a session's cameras are, the best ones first."""
_BY_ENDING = {".json": "humanrig", ".toml": "aniposelib", ".yml": "opencv", ".yaml": "kalibr"}


def convert(
    a: Annotated[Positional[Path], arg(metavar="A")],
    b: Annotated[Positional[Path], arg(metavar="B")],
    format: Format | None = None,
    from_format: Format | Literal["qualisys"] | None = None,
    unit_m: float | None = None,
    size: Annotated[str | None, arg(metavar="WxH")] = None,
    kinect_modes: Annotated[str | None, arg(metavar="COLOR,DEPTH")] = None,
    up: Annotated[Axis | None, arg(metavar="AXIS")] = None,
) -> int:
    """Write the cameras of a file in another tool's format, and say what that format cannot hold.

    A is told by what is in it: cameras.json of humanrig or HuMMan, aniposelib's .toml, OpenCV's .yml, a COLMAP or
    EasyMocap folder, Kalibr's camchain .yaml, Azure Kinect factory calibrations, Qualisys' .qca.txt, or a session.

    Args:
        a: The camera file, folder or session.
        b: What to write: .json is ours, .toml aniposelib's, .yml OpenCV's, .yaml Kalibr's; else give --format.
        format: The format of B.
        from_format: The format of A, where it is not told rightly.
        unit_m: A's unit in metres, such as 0.001, where the file does not say it.
        size: Width and height of A's images, such as 1920x1080, where the file does not say them.
        kinect_modes: Modes of Azure Kinect factory calibrations, such as 1080P,NFOV_UNBINNED.
        up: The axis of A's world that points up, with the floor at its 0; the world is turned so that it is z.
    """
    from geometry.camera_files.any_format import FORMATS_BY_NAME, format_of, read_any_camera_file

    source = _calibration_file(a)
    if b.exists() and b.resolve() == source.resolve():
        raise HumanrigError(f"{b} is A itself; give B another name")
    kind = format or _BY_ENDING.get(b.suffix.lower())
    if kind is None:
        raise HumanrigError(f"{b}: its ending says no format; add --format, one of {', '.join(get_args(Format))}")
    found = from_format or format_of(source)
    file = read_any_camera_file(source, _options(unit_m, size, kinect_modes), found)
    if up is not None:
        if file.unplaced:
            raise HumanrigError(
                f"{source} does not say where its cameras stand, so there is no world to turn; drop --up"
            )
        file = replace(file, cameras=_turned(file.cameras, up), is_upright=True)
        if dropped := sorted(file.extra.keys() & {"covariance", "floor"}):
            raise HumanrigError(f"{source} holds {' and '.join(dropped)} in its own world; leave --up out")
    if found != "humanrig":
        file = replace(file, source=f"converted from {file.source}")
    write = FORMATS_BY_NAME[kind].write
    if write is None:
        raise HumanrigError(f"{FORMATS_BY_NAME[kind].title} is read only; choose another --format")
    lost = write(b, file)
    say(f"{source}: {len(file.cameras)} cameras, {FORMATS_BY_NAME[found].title}")
    say(f"{b}: {FORMATS_BY_NAME[kind].title}")
    for text in lost:
        say(f"not in it: {text}")
    if kind == "humanrig" and not file.is_upright and not file.unplaced:
        say("its world is as in A: nobody says which axis is up; add --up AXIS if you know it")
    return 0


def compare(
    a: Annotated[Positional[Path], arg(metavar="A")],
    b: Annotated[Positional[Path], arg(metavar="B")],
    unit_m: float | None = None,
    size: Annotated[str | None, arg(metavar="WxH")] = None,
    json: bool = False,
) -> int:
    """Show how far two calibrations of one rig are apart: millimetres and degrees of each camera.

    B is moved onto A as a rigid body, so that the camera centres fit best; a difference in scale is told and not taken
    off. Where a file states how sure it is, the distances are also given in units of what it leads to expect.

    Args:
        a: A camera file of any format, or a session.
        b: The other one.
        unit_m: The unit in metres of files that do not say it.
        size: Width and height of the images, such as 1920x1080, of files that do not say them.
        json: Print every figure as JSON.
    """
    from calibration.calibration_files import rig_of
    from calibration.comparison import compare as compared
    from geometry.camera_files.any_format import read_any_camera_file

    options = _options(unit_m, size, None)
    files = [_calibration_file(path) for path in (a, b)]
    first, second = (rig_of(read_any_camera_file(file, options), str(file)) for file in files)
    comparison = compared(first, second)
    if json:
        print_json({"a": str(files[0]), "b": str(files[1]), **comparison.values()})
        return 0
    for line in table(comparison):
        print(line)
    return 0


def table(comparison: Comparison) -> list[str]:
    """Lines for the terminal: a row for each camera, then what concerns the rig."""
    sure = any(camera.sigma_mm == camera.sigma_mm for camera in comparison.cameras)
    width = max(6, *(len(camera.name) for camera in comparison.cameras))
    head = f"{'camera':<{width}}  {'mm':>8}  {'deg':>7}  {'focal %':>8}  {'centre px':>9}  {'lens px':>8}"
    lines = [head + (f"  {'sigma mm':>8}  {'e2/var':>7}" if sure else "")]
    for c in comparison.cameras:
        row = f"{c.name:<{width}}  {c.center_mm:8.2f}  {c.rotation_deg:7.3f}  {c.focal_percent:8.3f}"
        row += f"  {c.principal_px:9.2f}  {_shown(c.lens_px, 8)}"
        lines.append(row + (f"  {_shown(c.sigma_mm, 8)}  {_shown(c.normalized, 7)}" if sure else ""))
    mm, degrees = comparison.center_mm, comparison.rotation_deg
    lines.append(
        f"{'mean':<{width}}  {mm.mean():8.2f}  {degrees.mean():7.3f}; at most {mm.max():.2f} mm and "
        f"{degrees.max():.3f} deg"
    )
    if sure and comparison.pooled == comparison.pooled:
        lines.append(f"squared distances over what the stated covariance expects: {comparison.pooled:.2f}")
    if comparison.scale == comparison.scale:
        lines.append(f"B is {100 * (comparison.scale - 1):+.3f} % larger than A (not taken off)")
    if comparison.held:
        lines.append("the camera centres lie on one line: the cameras' rotations settled the alignment")
    for side, names in (("A", comparison.only_a), ("B", comparison.only_b)):
        if names:
            lines.append(f"only in {side}: {', '.join(names)}")
    renamed = [f"{c.name} is {c.other_name}" for c in comparison.cameras if c.name != c.other_name]
    return [*lines, *([f"names in B: {', '.join(renamed)}"] if renamed else [])]


def _shown(value: float, width: int) -> str:
    return f"{value:{width}.2f}" if value == value else f"{'-':>{width}}"


def _calibration_file(path: Path) -> Path:
    """The camera file that is meant: of a session its best one."""
    if not path.exists():
        raise HumanrigError(f"{path} is missing; give a camera file, its folder, or a session")
    if not (path / "session.toml").is_file():
        return path
    for inside in IN_SESSION:
        if (path / inside).is_file():
            return path / inside
    raise HumanrigError(f"{path} has no cameras yet; run: humanrig calibrate {path}")


def _options(unit_m: float | None, size: str | None, kinect_modes: str | None) -> ReadOptions:
    from geometry.camera_files.any_format import ReadOptions

    if unit_m is not None and not 0 < unit_m < 1e3:
        raise HumanrigError(f"--unit-m {unit_m} is no unit of length; millimetres are 0.001")
    sides = [] if size is None else size.lower().split("x")
    if size is not None and not (len(sides) == 2 and all(side.isdigit() and int(side) > 0 for side in sides)):
        raise HumanrigError(f"--size {size} is no image size; write it as 1920x1080")
    modes = [] if kinect_modes is None else kinect_modes.split(",")
    if kinect_modes is not None and len(modes) != 2:
        raise HumanrigError(f"--kinect-modes {kinect_modes}: give two, such as 1080P,NFOV_UNBINNED")
    return ReadOptions(
        unit_m=unit_m,
        size=(int(sides[0]), int(sides[1])) if sides else None,
        modes=(modes[0], modes[1]) if modes else None,
    )


def _turned(cameras: dict[str, Camera], up: Axis) -> dict[str, Camera]:
    """The cameras in a world whose z is the named axis; the other axes keep their order."""
    import numpy as np

    from geometry.rigid import rigid

    axis, sign = "xyz".index(up[-1]), -1.0 if up.startswith("-") else 1.0
    R = np.zeros((3, 3))
    R[2, axis] = sign
    R[0, (axis + 1) % 3], R[1, (axis + 2) % 3] = 1.0, sign
    T = rigid(R, np.zeros(3))
    return {name: camera.at(T @ camera.T_world_camera) for name, camera in cameras.items()}


calibration = group(
    "Convert camera files of other tools, and compare two calibrations of one rig.",
    {"convert": convert, "compare": compare},
)
