"""Body models and motions."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any, Final

import numpy as np

from fuzzing.importer import Importer


def body_arrays() -> dict[str, Any]:
    """A body of 40 vertices with 24 joints, in the layout of SMPL's files."""
    rng = np.random.default_rng(0)
    parents = [4294967295, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
    weights = rng.random((40, 24))
    regressor = np.zeros((24, 40))
    regressor[np.arange(24), np.arange(24)] = 1
    return {
        "v_template": rng.normal(size=(40, 3)), "f": rng.integers(0, 40, (60, 3)).astype(np.uint32),
        "shapedirs": 0.01 * rng.normal(size=(40, 3, 10)), "posedirs": 0.001 * rng.normal(size=(40, 3, 207)),
        "J_regressor": regressor, "kintree_table": np.array([parents, range(24)], np.int64),
        "weights": weights / weights.sum(1, keepdims=True), "bs_type": "lrotmin", "bs_style": "lbs",
    }  # fmt: skip


def _models(folder: Path) -> None:
    import scipy.sparse

    arrays = body_arrays()
    np.savez(folder / "body.npz", **{k: v for k, v in arrays.items() if not isinstance(v, str)})
    (folder / "plain.pkl").write_bytes(pickle.dumps(arrays, protocol=2))
    arrays["J_regressor"] = scipy.sparse.csc_matrix(arrays["J_regressor"])
    (folder / "sparse.pkl").write_bytes(pickle.dumps(arrays, protocol=2))


def _read_model(path: Path, to: Path) -> None:
    from body.loading import read_body_model

    read_body_model(path)


def _amass(folder: Path) -> None:
    arrays = {"trans": np.zeros((5, 3)), "betas": np.zeros(16), "gender": "neutral"}
    np.savez(folder / "smplh.npz", poses=np.zeros((5, 156)), mocap_framerate=60.0, dmpls=np.zeros((5, 8)), **arrays)
    np.savez(
        folder / "smplx.npz", poses=np.zeros((5, 165)), mocap_frame_rate=30.0, surface_model_type="smplx", **arrays
    )


def _read_amass(path: Path, to: Path) -> None:
    from body.motion.amass import read_amass

    read_amass(path)


def _bvh(folder: Path) -> None:
    from body.loading import load_body_model
    from body.parameters import BodyParameters
    from humanrig.export.bvh import bvh_text

    still: dict[str, Any] = {
        "global_orient": np.zeros((3, 3)),
        "body_pose": np.zeros((3, 69)),
        "transl": np.zeros((3, 3)),
    }
    (folder / "walk.bvh").write_text(bvh_text(load_body_model(), BodyParameters(betas=np.zeros(10), **still), 30.0))


def _read_bvh(path: Path, to: Path) -> None:
    from body.motion.bvh import read_bvh

    read_bvh(path)


def _deepmimic(folder: Path) -> None:
    frame = [0.0333, 0, 0.9, 0, 1, 0, 0, 0, *[1, 0, 0, 0] * 2, *[1, 0, 0, 0], 0, *[1, 0, 0, 0] * 2, 0]
    frame += [1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]
    frame = (frame + [0.0] * 44)[:44]
    (folder / "clip.txt").write_text(json.dumps({"Loop": "wrap", "Frames": [frame, frame, frame]}))


def _read_deepmimic(path: Path, to: Path) -> None:
    from body.motion.deepmimic import read_deepmimic

    read_deepmimic(path)


def _clip(folder: Path) -> None:
    from body.motion.clip_file import write_clip
    from body.motion.standing import standing_clip

    write_clip(folder / "clip.npz", standing_clip("stand"))


def _read_clip(path: Path, to: Path) -> None:
    from body.motion.clip_file import read_clip

    read_clip(path)


def _bank(folder: Path) -> None:
    from body.bank_file import BankFile, write_bank

    few = 3
    numbers = np.linspace(0.5, 1.5, few)
    bank = BankFile(
        body_sha256="0" * 64, female=np.zeros(few, bool), age_years=numbers, height_m=numbers, mass_kg=numbers,
        phenotypes=np.zeros((few, 3)), split=np.zeros(few, np.int8), coefficients=np.zeros((few, 17)),
        planes=np.zeros((2, 20, 3, few), np.uint8),
    )  # fmt: skip
    write_bank(bank, folder / "bank.npz")


def _read_bank(path: Path, to: Path) -> None:
    from body.bank_file import read_bank

    read_bank(path)


IMPORTERS: Final = (
    Importer(name="body_model", reads="body models, .npz and .pkl", read=_read_model, seeds=_models),
    Importer(name="motion_amass", reads="AMASS motions", read=_read_amass, seeds=_amass),
    Importer(name="motion_bvh", reads="BVH motions", read=_read_bvh, seeds=_bvh),
    Importer(name="motion_deepmimic", reads="DeepMimic's clips (JSON)", read=_read_deepmimic, seeds=_deepmimic),
    Importer(name="motion_clip", reads="clips of ours", read=_read_clip, seeds=_clip),
    Importer(name="body_bank", reads="the body bank", read=_read_bank, seeds=_bank),
)
