"""Files of people: annotations and predictions of other data sets, .npz, .pkl and .mat."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from fuzzing.importer import Importer
from fuzzing.importers import TESTS, of_tests


def _read(path: Path, to: Path) -> None:
    from hps.evaluation.files.mat_files import forget_mat_files
    from hps.evaluation.files.opening import read_annotations

    forget_mat_files()
    read_annotations(path)


def _pickles(folder: Path) -> None:
    dumped = of_tests("file_people").dumped
    emdb = of_tests("file_people").emdb
    person = of_tests("file_people").person
    three_dpw = of_tests("file_people").three_dpw
    gta_human = of_tests("test_files_of_clips").gta_human

    people = {name: content for name, content in three_dpw([person(0)]).items() if name != "texture_maps"}
    dumped(folder / "3dpw.pkl", people)
    dumped(folder / "emdb.pkl", emdb(person(0)), protocol=5)
    dumped(folder / "gta.pkl", gta_human(), protocol=0)
    for source in sorted((TESTS / "hps/evaluation/files/data").glob("*.pkl")):
        (folder / source.name).write_bytes(source.read_bytes())


def _archives(folder: Path) -> None:
    bedlam = of_tests("test_files_of_pictures").bedlam
    human_data = of_tests("test_files_of_pictures").human_data

    motion = {"poses": np.zeros((2, 72)), "trans": np.zeros((2, 3)), "betas": np.zeros(16), "mocap_framerate": 60.0}
    np.savez_compressed(folder / "amass.npz", **motion)  # pyright: ignore[reportArgumentType]
    np.savez(folder / "bedlam.npz", **{k: v for k, v in bedlam().items() if k != "proj_verts"})
    np.savez_compressed(folder / "humandata.npz", **human_data(multi=True))


def _matlab(folder: Path) -> None:
    import scipy.io

    info: dict[str, Any] = {
        "joints3D": np.zeros((3, 24, 2)),
        "joints2D": np.zeros((2, 24, 2)),
        "pose": np.zeros((72, 2)),
    }
    info |= {
        "shape": np.zeros((10, 2)),
        "camLoc": np.zeros((3, 1)),
        "zrot": np.zeros((2, 1)),
        "gender": np.zeros((2, 1)),
    }
    scipy.io.savemat(folder / "a_c0001_info.mat", info)
    scipy.io.savemat(folder / "b_c0001_info.mat", info, do_compression=True)


def _regressor(folder: Path) -> None:
    np.save(folder / "J.npy", np.eye(17, 40))


def _read_regressor(path: Path, to: Path) -> None:
    from hps.evaluation.scoring.score_people import read_regressor

    read_regressor(path)


IMPORTERS: Final = (
    Importer(name="people_pkl", reads="3DPW, EMDB, AGORA, GTA-Human (.pkl)", read=_read, seeds=_pickles),
    Importer(name="people_npz", reads="AMASS, BEDLAM, HumanData (.npz)", read=_read, seeds=_archives),
    Importer(name="people_mat", reads="SURREAL (.mat)", read=_read, seeds=_matlab),
    Importer(name="regressor", reads="regressors of joints (.npy)", read=_read_regressor, seeds=_regressor),
)
