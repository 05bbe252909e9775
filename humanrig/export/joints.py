"""The 24 joints over time, with how sure they are: arrays, a table, and the TRC file that gait programs read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_NAMES
from humanrig.export.bvh import R_BVH_WORLD
from humanrig.results import Results


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes personNN_joints.npz, .csv and .trc; returns lines for source.txt."""
    body, stem = results.body, f"{results.person}_joints"
    joints = body["joints"].astype(np.float64)
    sigma = body.get("joint_sigma", np.full(joints.shape[:2], np.nan)).astype(np.float64)
    seconds = (body["time_us"] - body["time_us"][0]) * 1e-6
    np.savez_compressed(
        folder / f"{stem}.npz",
        names=np.array(JOINT_NAMES), joints=joints, sigma=sigma, instants=body["instants"], time_us=body["time_us"],
        flags=body["flags"] if "flags" in body else np.full(len(joints), ""),
    )  # fmt: skip
    (folder / f"{stem}.csv").write_text(_table(body["instants"], body["time_us"], joints, sigma), "utf-8")
    (folder / f"{stem}.trc").write_text(trc_text(f"{stem}.trc", seconds, joints), "utf-8")
    on_progress(1, 1)
    return [
        "joints: the 24 of SMPL, of the body model named above; metres, z up, floor at z = 0 (the session's world)",
        "sigma: standard deviation along one axis, metres; empty or NaN where the fit does not say",
        "the .trc is in millimetres and y up (x stays, z becomes y, as OpenSim expects), at the instants' own times",
    ]


def _table(instants: np.ndarray, time_us: np.ndarray, joints: np.ndarray, sigma: np.ndarray) -> str:
    columns = [f"{name}_{what}" for name in JOINT_NAMES for what in ("x", "y", "z", "sigma")]
    lines = [",".join(["instant", "time_us", *columns])]
    for row, (instant, time) in enumerate(zip(instants.tolist(), time_us.tolist(), strict=True)):
        values = np.concatenate([joints[row], sigma[row][:, None]], 1).ravel()
        lines.append(",".join([str(instant), str(time), *("" if np.isnan(v) else f"{v:.6f}" for v in values)]))
    return "\n".join(lines) + "\n"


def trc_text(name: str, seconds: Float[np.ndarray, "frames"], joints: Float[np.ndarray, "frames joints 3"]) -> str:
    """Track Row Column: a header of five lines, then frame number, time and coordinates, separated by tabs."""
    frames, count = joints.shape[:2]
    rate = 1 / np.median(np.diff(seconds)) if frames > 1 else 30.0
    head = [
        f"PathFileType\t4\t(X/Y/Z)\t{name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate:.6g}\t{rate:.6g}\t{frames}\t{count}\tmm\t{rate:.6g}\t1\t{frames}",
        "Frame#\tTime\t" + "\t\t\t".join(JOINT_NAMES) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{n}" for n in range(1, count + 1) for axis in "XYZ"),
        "",
    ]
    values = (1000 * joints @ R_BVH_WORLD.T).reshape(frames, -1)
    rows = [
        f"{n}\t{time:.6f}\t" + "\t".join(f"{v:.4f}" for v in row)
        for n, (time, row) in enumerate(zip(seconds, values, strict=True), 1)
    ]
    return "\n".join(head + rows) + "\n"
