"""Weights, motion clips and sample videos that ship inside wheels of the package index, fetched once and cached.

| files | package | licence |
|---|---|---|
| BlazePose detector and full landmark network | mediapipe 0.10.21 (Google) | Apache-2.0 |
| DeepMimic motion clips | pybullet 3.2.7 | zlib (of the package; the clips carry no notice of their own) |
| climbing takes | holosoma-retargeting 0.1.0 (Amazon) | Apache-2.0 |
| four videos of a person with their calibration | pose2sim 0.10.49 | BSD-3-Clause |

The packages are never installed. The wheel is downloaded by pip with the user's own configuration, the few files are
taken out, compared with the SHA-256 written here, and kept in `$HUMANRIG_CACHE`, else `$XDG_CACHE_HOME/humanrig`, else
`~/.cache/humanrig`, beside the licence and a SOURCE.txt.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from humanrig.errors import HumanrigError
from humanrig.wheel_files import WheelSource, cache_folder, cached, wheel_files

BLAZEPOSE: Final = WheelSource(
    requirement="mediapipe==0.10.21",
    licence="Apache-2.0",
    about="BlazePose person detector and full landmark network, Google MediaPipe, github.com/google-ai-edge/mediapipe",
    megabytes=36,
    members={
        "mediapipe-0.10.21.dist-info/LICENSE": "8707eef0533987efc5b155d64761eeb6e20793f50b9bd1a68dad1cf4719d0ed8",
        "mediapipe/modules/pose_detection/pose_detection.tflite": (
            "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c"
        ),
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite": (
            "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f"
        ),
    },
)

_CLIPS: Final = "pybullet_data/data/motions/humanoid3d_"
DEEPMIMIC: Final = WheelSource(
    requirement="pybullet==3.2.7",
    licence="zlib (licence of the package; the clips have no notice of their own and come from DeepMimic)",
    about="DeepMimic motion clips, as distributed by PyBullet, github.com/bulletphysics/bullet3",
    megabytes=103,
    members={
        "pybullet-3.2.7.dist-info/LICENSE.txt": "885cd516a8420acb7c3e0b1a7119913b686495001ae564e3229740460e8cff59",
        f"{_CLIPS}backflip.txt": "ffc5e117f69364e239eeedc86d6a30ab854500a375a1c137a405f1b7652905e6",
        f"{_CLIPS}cartwheel.txt": "17453459a40ec4ea08346072748ae3c7c384b49e619753e9779637fa8a9f7c49",
        f"{_CLIPS}crawl.txt": "104a3b675131a43e7a214e24c0ed631c6a0d814b85c8b66b71ce63b23a5731ae",
        f"{_CLIPS}dance_a.txt": "15ef3731f594edc9ed078170f1075815cc164acaca9e35a46db12a31ac64b717",
        f"{_CLIPS}dance_b.txt": "b5a9d7a3f2304f6242776d7ff6d19d1f6bcb98d78d68622761c3843b614a92b5",
        f"{_CLIPS}getup_facedown.txt": "1bd1a96e9175f65eb66e10f225473b4467bd70c68e283f4006b2ab090e337c0b",
        f"{_CLIPS}getup_faceup.txt": "5936c32d51dad9b0cd5e61df681079d160436cdce845c312f200d7a347c4040d",
        f"{_CLIPS}jump.txt": "a433557e94b193d8a95530572a0e32f387eb6d9996987b4216efb65444c3c641",
        f"{_CLIPS}kick.txt": "177cfb399466309ba7f4a8a987c3b6f6edde1cbe8b2d476e53dc6061ec5d4bac",
        f"{_CLIPS}punch.txt": "1ab4b654cecdb4ff3b2a4bf4086e50397bef28435bb59ab3aedd6a6bdc926fde",
        f"{_CLIPS}roll.txt": "50d75c2243b2859f8dcae4ad8fa14b59054dd9ee529b4fb52ec14470cd982c55",
        f"{_CLIPS}run.txt": "2cbe488023b243e5769299158ce7c78875ec4b701a2ffe6c0beeaf83d16ca87b",
        f"{_CLIPS}spin.txt": "9614f10b92e7a8b123990ad5bcfafc65aa4d8fa8ac7f10ade3c3591122d34425",
        f"{_CLIPS}spinkick.txt": "60ec9c200d96e0cd71693061f24db0bd8da9eb295daf487f6f60f8dfb324075a",
        f"{_CLIPS}walk.txt": "32d082c3599bc40aac50b1afa196ff1e2cf3842bb40f0541ab088845f6328a41",
    },
)

_CLIMB: Final = "holosoma_retargeting/demo_data/climb/mocap_climb_seq"
CLIMBS: Final = WheelSource(
    requirement="holosoma-retargeting==0.1.0",
    licence="Apache-2.0 (stated in METADATA)",
    about="Motion capture of climbing on boxes, 53 joint positions at 120 Hz, in holosoma-retargeting (Amazon)",
    megabytes=102,
    members={
        "holosoma_retargeting-0.1.0.dist-info/METADATA": (
            "d054a51d9df2026e1fd2b46974dc5757b0fd3ed5fc3dff35e3b9c959149f0535"
        ),
        f"{_CLIMB}_0/mocap_climb_seq_0_joint_positions_f900-3700.npy": (
            "0d10253c34f26148c40e96261033b7e5955bcd5d784b76a02be8847aa2b75d8d"
        ),
        f"{_CLIMB}_1/mocap_climb_seq_1_joint_positions_f0-2422.npy": (
            "5ad287c1a0f288c615bc56032887fa8f21cf5d027d4d906001387db862750a7f"
        ),
        f"{_CLIMB}_2/mocap_climb_seq_2_joint_positions_f100-3110.npy": (
            "fb33fb51393fc1408876f91ef2dfd2a0e1944b148c54a275f9a5a0965dca253a"
        ),
        f"{_CLIMB}_3/mocap_climb_seq_3_joint_positions_f200-2600.npy": (
            "6c9f16cd72bd8e87b8b4d69b3d11370d56f5160af2882215baf45464d6bd0843"
        ),
        f"{_CLIMB}_4/mocap_climb_seq_4_joint_positions_f0-2303.npy": (
            "503c423d5aeaff9805316a62c47ec1dd99f8cb5668fdc041510398e29d846984"
        ),
    },
)

_PERSON: Final = "Pose2Sim/Demo_SinglePerson"
SAMPLE_PERSON: Final = WheelSource(
    requirement="pose2sim==0.10.49",
    licence="BSD-3-Clause",
    about="Four synchronised videos of one person and their Qualisys calibration, github.com/perfanalytics/pose2sim",
    megabytes=51,
    members={
        "pose2sim-0.10.49.dist-info/licenses/LICENSE": (
            "7f8a9ede713463b96d261a39c3ec404748c8e4f528c795e5f8cb18898ed944cf"
        ),
        f"{_PERSON}/calibration/Calib.qca.txt": "fd90e4bbae3278ef1dc0cdd42a34ee06bf88286f628a02c00a29407aa39e34c5",
        f"{_PERSON}/videos/cam01.mp4": "cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a",
        f"{_PERSON}/videos/cam02.mp4": "94ff87cf978b8406e8aa36ab3c5362e72848994e87652f0dc7a33c315e8e0442",
        f"{_PERSON}/videos/cam03.mp4": "b8b329f832f178f27ecb78d024d5026b96c6adb36c387bfe2c0af85eab8a11ca",
        f"{_PERSON}/videos/cam04.mp4": "b5c0e7863fd70d008e7178d3c556b045b0ea5f78fcd61ca548a0b2e807e641f7",
    },
)


def blazepose_weights(
    variant: str = "full", on_progress: Callable[[int, int], None] | None = None
) -> tuple[Path, Path]:
    """Paths of BlazePose's person detector and landmark network (tflite, Apache-2.0, from mediapipe 0.10.21).

    `variant` is "full": the lite and heavy networks are in no wheel. Raises HumanrigError for another variant and as
    `wheel_files` does. `on_progress` takes (megabytes done, megabytes in all) of a download.
    """
    if variant != "full":
        raise HumanrigError(f"BlazePose variant {variant!r}: only 'full' ships in {BLAZEPOSE.requirement}; use 'full'")
    files = wheel_files(BLAZEPOSE, on_progress)
    modules = "mediapipe/modules"
    return (
        files[f"{modules}/pose_detection/pose_detection.tflite"],
        files[f"{modules}/pose_landmark/pose_landmark_full.tflite"],
    )


def deepmimic_clips(on_progress: Callable[[int, int], None] | None = None) -> dict[str, Path]:
    """Paths of the DeepMimic motion clips by name: walk, run, kick, … (zlib, from pybullet 3.2.7: 103 MB, once).

    Raises HumanrigError as `wheel_files` does. `on_progress` takes (megabytes done, megabytes in all) of a download.
    """
    files = wheel_files(DEEPMIMIC, on_progress)
    return {name.removeprefix(_CLIPS).removesuffix(".txt"): p for name, p in files.items() if name.startswith(_CLIPS)}


def climb_takes(on_progress: Callable[[int, int], None] | None = None) -> dict[str, Path]:
    """Paths of the climbing takes: climb_0 … climb_4 (Apache-2.0, from holosoma-retargeting 0.1.0: 102 MB, once).

    Raises HumanrigError as `wheel_files` does. `on_progress` takes (megabytes done, megabytes in all) of a download.
    """
    files = wheel_files(CLIMBS, on_progress)
    takes = sorted(name for name in files if name.endswith(".npy"))
    return {f"climb_{index}": files[name] for index, name in enumerate(takes)}


def sample_person_files(on_progress: Callable[[int, int], None] | None = None) -> Path:
    """Folder with `videos/cam01.mp4` … `cam04.mp4` and `calibration/Calib.qca.txt` (BSD-3-Clause, from pose2sim).

    Two folders up lie SOURCE.txt and the licence. Raises HumanrigError as `wheel_files` does. `on_progress` takes
    (megabytes done, megabytes in all) of a download.
    """
    return wheel_files(SAMPLE_PERSON, on_progress)[f"{_PERSON}/videos/cam01.mp4"].parents[1]


def describe_cache() -> str:
    """What is fetched already and where, one line for each source, for `humanrig models check`."""
    lines = [f"cache: {cache_folder()}"]
    for source in (BLAZEPOSE, DEEPMIMIC, CLIMBS, SAMPLE_PERSON):
        state = "present" if cached(source) else f"not fetched yet ({source.megabytes} MB download)"
        lines.append(f"  {source.requirement} [{source.licence.split(' ')[0]}]: {state}")
    return "\n".join(lines)
