"""Skeletons in the formats of other programs, and exports of two people, read back."""

import csv
import shutil

import numpy as np
import pytest
from export_take import INSTANTS, build_take, parameters

from body.joints import JOINT_NAMES
from body.loading import OPEN_BODY, load_body_model
from body.motion.bvh import read_bvh
from body.motion.bvh_file import parse_bvh
from capture.session import Session
from humanrig.export import export_session
from humanrig.export.bvh import R_BVH_WORLD, mixamo_name
from humanrig.results import Results, people
from humanrig.stage import StageContext
from humanrig.stages.export import STAGE
from humanrig.stages.mesh import STAGE as MESH
from texture.files.mesh_sequence import MeshSequence

pytestmark = pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}")


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Session:
    """Two people: the second is a copy of the first, her points apart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HUMANRIG_BODY_MODEL", raising=False)
        session = build_take(tmp_path_factory.mktemp("takes") / "take")
    for name in ("body/{}.npz", "mesh/{}.npz"):
        shutil.copy(
            session.path(*name.format("person00").split("/")), session.path(*name.format("person01").split("/"))
        )
    for folder in ("mesh", "texture"):
        shutil.copytree(session.path(folder, "person00"), session.path(folder, "person01"))
    for instant in INSTANTS:
        path = session.path("clouds", f"{instant:06d}.npz")
        with np.load(path) as data:
            arrays = dict(data)
        np.savez(path, **arrays, person=(np.arange(len(arrays["points"])) % 5 == 0).astype(np.uint8))
    return session


def test_bvh_gives_the_joints_back(take, tmp_path) -> None:
    export_session(take, "bvh", tmp_path / "out")
    file = parse_bvh(tmp_path / "out" / "person00.bvh")
    _, positions = file.posed()
    names = [joint.name for joint in file.joints]
    order = [names.index(mixamo_name(joint)) for joint in JOINT_NAMES]
    expected = Results(take).body["joints"] @ R_BVH_WORLD.T
    # six digits of a centimetre and of a degree: at the end of a chain of 1 m, 2e-8 m
    assert np.abs(0.01 * positions[:, order] - expected).max() < 1e-4
    assert file.frame_seconds == pytest.approx(0.033333)


def test_bvh_is_read_as_mixamo_with_all_joints_turning(take, tmp_path) -> None:
    export_session(take, "bvh", tmp_path / "out")
    clip = read_bvh(tmp_path / "out" / "person01.bvh")
    assert "Mixamo" in clip.licence
    model, body = load_body_model(OPEN_BODY), parameters()
    rest = model.rest_joints(body.betas)
    index = JOINT_NAMES.index
    legs = np.linalg.norm(rest[index("left_knee")] - rest[index("left_hip")]) + np.linalg.norm(
        rest[index("left_ankle")] - rest[index("left_knee")]
    )
    assert clip.leg_length_m == pytest.approx(legs, abs=0.01)  # the mean of two legs


def test_joints_as_table_and_arrays(take, tmp_path) -> None:
    export_session(take, "joints", tmp_path / "out")
    joints = Results(take).body["joints"]
    with np.load(tmp_path / "out" / "person00_joints.npz") as data:
        assert np.array_equal(data["joints"], joints)
        assert tuple(data["names"]) == JOINT_NAMES
        assert np.isnan(data["sigma"]).all()  # the take was fitted without
    with (tmp_path / "out" / "person00_joints.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["instant"]) for row in rows] == list(INSTANTS)
    assert float(rows[1]["left_knee_z"]) == pytest.approx(joints[1, JOINT_NAMES.index("left_knee"), 2], abs=1e-6)
    assert rows[0]["left_knee_sigma"] == ""


def test_trc_is_in_millimetres_and_y_up(take, tmp_path) -> None:
    export_session(take, "joints", tmp_path / "out")
    lines = (tmp_path / "out" / "person00_joints.trc").read_text().splitlines()
    assert lines[0].startswith("PathFileType\t4\t(X/Y/Z)")
    assert lines[2].split("\t")[2:5] == ["2", "24", "mm"]
    values = np.array(lines[7].split("\t"), float)
    assert values[0] == 2
    expected = 1000 * Results(take).body["joints"][1] @ R_BVH_WORLD.T
    np.testing.assert_allclose(values[2:].reshape(24, 3), expected, atol=1e-4)


def test_parameters_alone_pose_the_same_body(take, tmp_path) -> None:
    export_session(take, "smpl_params", tmp_path / "out")
    with np.load(tmp_path / "out" / "person00" / f"{INSTANTS[1]:06d}.npz") as data:
        assert {name: data[name].shape for name in data.files} == {
            "betas": (10,),
            "body_pose": (69,),
            "global_orient": (3,),
            "transl": (3,),
        }
        np.testing.assert_allclose(data["body_pose"], parameters().body_pose[1], atol=1e-6)


def test_several_people_are_apart(take, tmp_path) -> None:
    assert people(take) == ("person00", "person01")
    glb = export_session(take, "glb", tmp_path / "glb")
    assert [p.name for p in glb] == ["person00.glb", "person01.glb", "source.txt"]
    ply = export_session(take, "ply", tmp_path / "ply")
    assert {p.relative_to(tmp_path / "ply").parts[0] for p in ply} == {"person00", "person01", "source.txt"}
    clouds = [Results(take, person).cloud(INSTANTS[0]) for person in people(take)]
    assert [len(cloud) for cloud in clouds if cloud is not None] == [40, 10]


def test_the_stage_exports_everybody(take, tmp_path) -> None:
    told = []
    context = StageContext(
        session=take, output=tmp_path, config=STAGE.config(), instants=list(INSTANTS), without=frozenset(),
        progress=lambda *done: told.append(done),
    )  # fmt: skip
    figures = STAGE.run(context)
    assert sorted(figures["people"]) == ["person00", "person01"]
    assert {p.name for p in tmp_path.iterdir()} == {
        f"{person}{end}" for person in people(take) for end in (".glb", "_amass.npz")
    }
    assert told[-1] == (6, 6)


def test_the_stage_mesh_dresses_everybody(take, tmp_path) -> None:
    context = StageContext(
        session=take, output=tmp_path, config=MESH.config(surface="body"), instants=list(INSTANTS), without=frozenset(),
        progress=lambda *done: None,
    )  # fmt: skip
    figures = MESH.run(context)
    assert sorted(figures["people"]) == ["person00", "person01"]
    for person in people(take):
        meshes = MeshSequence.open(tmp_path, person)
        assert meshes.instants.tolist() == list(INSTANTS)
        shape = (len(INSTANTS), load_body_model(OPEN_BODY).vertex_count, 3)
        assert meshes.segment(0).vertices.shape == shape
