"""The stage `mesh` on a small recording of a dressed body: each kind of surface, and what is told where one is poor."""

import json
import shutil

import numpy as np
import pytest
from painted_take import FRAMES, THICKNESS, ahead, parameters, record, run

from body.loading import load_body_model
from body.parameters import BodyParameters
from geometry.mesh import TriangleMesh
from geometry.mesh_files import write_obj
from geometry.rays import RayScene
from humanrig import manifest
from humanrig.commands.mesh import sentences
from humanrig.errors import HumanrigError
from humanrig.meshing import free_sequence
from humanrig.meshing.made import Made, one_flag
from humanrig.meshing.options import MeshConfig
from humanrig.meshing.person_input import PersonInput
from humanrig.meshing.scan_template import welded
from humanrig.results import Results
from texture.files.mesh_sequence import MeshSequence
from texture.surfaces.body_mesh import DressedBody
from texture.surfaces.offsets import HANDS
from texture.tracking import track

FACES = 3000


@pytest.fixture(scope="module")
def rgbd(tmp_path_factory):
    return record(tmp_path_factory.mktemp("rgbd") / "take", depth=True)


@pytest.fixture
def rgb(rgbd):
    """The same take while its clouds are away."""
    clouds = rgbd.path("clouds").rename(rgbd.path("hidden"))
    yield rgbd
    clouds.rename(rgbd.path("clouds"))


def true_surface(instant):
    model = load_body_model()
    dressed = DressedBody(
        model=model, parameters=parameters(), offsets=THICKNESS * ~np.isin(np.argmax(model.weights, 1), HANDS)
    )
    return TriangleMesh(vertices=dressed.vertices()[instant], faces=model.faces)


def meshes_of(session):
    return MeshSequence.open(session.path("mesh"), "person00")


def error_of(mesh, instant):
    """Mean distance from the true surface to the mesh, metres."""
    return RayScene.of(mesh).closest(true_surface(instant).vertices).distance.mean()


@pytest.fixture
def damaged(rgbd):
    """Puts clouds back."""
    path = rgbd.path("clouds", "000001.npz")
    whole = path.read_bytes()
    yield path
    path.write_bytes(whole)


def test_the_body_carries_the_clothes_that_the_clouds_show(rgbd):
    waiting = [rgbd.path("cache", "mesh", "other options", person) for person in ("person00", "person01")]
    for folder in waiting:
        folder.mkdir(parents=True)
        (folder / "segment_000.json").touch()
    figures = run(rgbd, "mesh", surface="body")
    assert [folder.exists() for folder in waiting] == [False, True]
    shutil.rmtree(rgbd.path("cache", "mesh"))
    segment, model = meshes_of(rgbd).segment(0), load_body_model()
    assert segment.vertices.shape == (FRAMES, model.vertex_count, 3)
    assert segment.vertices.dtype == np.float32
    np.testing.assert_array_equal(segment.faces, model.faces)
    np.testing.assert_array_equal(segment.instants, [0, 1])
    torso = model.weights[:, [3, 6]].sum(1) > 0.95
    bare = model.shaped(parameters().betas)
    normals = TriangleMesh(vertices=bare, faces=model.faces).vertex_normals()
    offsets = ((segment.binding.rest - bare) * normals).sum(-1)
    # exact depth in whole millimetres, 10 mm pixels: the offset itself, to a fraction of its smoothing
    assert offsets[torso].mean() == pytest.approx(THICKNESS, abs=0.001)
    assert figures["offset_max_mm"] == pytest.approx(1e3 * offsets.max(), abs=0.01)
    again = DressedBody(model=model, parameters=parameters(), offsets=offsets).vertices()
    np.testing.assert_allclose(segment.vertices, again, atol=1e-6)
    assert run(rgbd, "mesh", surface="body", instants=[1], clothes=False)["offset_max_mm"] == 0
    np.testing.assert_array_equal(meshes_of(rgbd).instants, [1])


def test_without_clouds_it_is_the_body(rgb):
    figures = run(rgb, "mesh")
    np.testing.assert_allclose(
        meshes_of(rgb).segment(0).vertices, load_body_model().pose(parameters()).vertices, atol=1e-6
    )
    assert figures["surface"] == "body"
    assert figures["offset_mean_mm"] == figures["flagged"] == 0
    with pytest.raises(HumanrigError, match=r"has no clouds, so there is no tracked surface; .* --surface body"):
        run(rgb, "mesh", surface="tracked")
    with pytest.raises(HumanrigError, match="template is for tracked surfaces"):
        run(rgb, "mesh", surface="body", template="scan.obj")
    with pytest.raises(HumanrigError, match=r"no clouds, so mesh\.template has nothing to follow"):
        run(rgb, "mesh", template="scan.obj")


@pytest.mark.slow
def test_a_tracked_surface_keeps_its_topology_and_follows_the_clouds(rgbd, monkeypatch):
    monkeypatch.setattr(track, "UNEXPLAINED", 0.03)  # elbows bend by 70 degrees from one instant to the other
    figures = run(rgbd, "mesh", faces=FACES)
    meshes = meshes_of(rgbd)
    assert figures["surface"] == "tracked"
    assert meshes.segments == [0]
    assert meshes.flags == ("", "")
    assert figures["warnings"] == []
    assert sentences(figures)[0].startswith("2 instants: tracked in 1 segment, ")
    segment = meshes.segment(0)
    assert len(segment.faces) <= FACES + 1
    assert len(segment.binding) == segment.vertices.shape[1]
    for instant in range(FRAMES):
        mesh = segment.surface(instant)
        assert mesh.is_watertight()
        assert mesh.volume() > 0.03
        # points 10 mm apart in whole millimetres, faces 50 mm wide
        assert error_of(mesh, instant) < 0.004
    assert 0 <= segment.uv.min() < segment.uv.max() <= 1


@pytest.mark.slow
def test_an_instant_whose_cloud_is_lost_is_flagged(rgbd, damaged):
    damaged.unlink()
    figures = run(rgbd, "mesh", faces=FACES)
    assert meshes_of(rgbd).flags == ("", "no cloud")
    assert figures["flagged"] == 1
    assert figures["warnings"] == ["no cloud (instant 1)"]
    assert error_of(meshes_of(rgbd).surface(1), 1) < 0.007  # the body takes it along: elbows crease


def test_what_is_wrong_with_a_cloud_is_told(rgbd, damaged):
    def trouble():
        return PersonInput(Results(rgbd), MeshConfig(), (0, 1)).trouble(1)

    with np.load(damaged) as arrays:
        cloud = dict(arrays)
    assert trouble() == ""
    for cameras, told in ((1, "the cloud is of 1 camera only"), (2, "the cloud is of 2 cameras only"), (3, "")):
        np.savez(damaged, **cloud, camera=np.arange(len(cloud["points"]), dtype=np.uint8) % cameras)
        assert trouble() == told
    np.savez(damaged, points=cloud["points"][:100], normals=cloud["normals"][:100])
    assert trouble() == "the cloud has only 100 points"
    np.savez(damaged, points=cloud["points"] * np.nan, normals=cloud["normals"])
    assert trouble() == "the cloud is empty"
    np.savez(damaged, points=cloud["points"] + 900.0, normals=cloud["normals"])
    assert trouble().endswith("points are all more than 0.5 m from the body")
    stray = cloud["points"].copy()
    stray[0] = 1e6  # a grid from here to there would not fit into any memory
    np.savez(damaged, points=stray, normals=cloud["normals"])
    assert trouble() == ""
    kept = PersonInput(Results(rgbd), MeshConfig(), (0, 1)).cloud(1)
    assert kept is not None
    assert len(kept) == len(stray) - 1
    np.savez(damaged, points=cloud["points"])
    assert trouble() == "the cloud has no normals"
    damaged.write_bytes(b"PK\x03\x04 cut off")
    assert "cannot be read" in trouble()
    damaged.write_bytes(b"cut off")
    assert "(it is no npz file, or was cut off)" in trouble()


@pytest.mark.slow
def test_free_surfaces_are_segments_of_one_instant(rgbd, damaged):
    damaged.unlink()
    figures = run(rgbd, "mesh", surface="free", faces=FACES, workers=1)
    meshes = meshes_of(rgbd)
    assert meshes.segments == [0, 1]
    assert meshes.segment(0).binding is None
    assert meshes.surface(0).is_watertight()
    assert error_of(meshes.surface(0), 0) < 0.004
    assert meshes.flags[0] == ""
    assert "the surface is the fitted body" in meshes.flags[1]
    assert len(meshes.surface(1).vertices) == load_body_model().vertex_count
    assert figures["flagged"] == 1
    assert not rgbd.path("cache", "mesh").exists()


def test_a_reason_of_two_halves_is_one_warning():
    flag = one_flag(["no cloud: it is damaged; make it again", "no cloud: it is damaged; make it again", "few points"])
    assert Made(entries=[(0, 0, ""), (3, 0, flag)]).warnings() == [
        "no cloud: it is damaged, make it again (instant 3)",
        "few points (instant 3)",
    ]


def test_missing_stages_are_named(rgb):
    path = rgb.path("body", "person00.npz")
    whole = path.read_bytes()
    path.unlink()
    try:
        with pytest.raises(HumanrigError, match=r"body/person00\.npz is missing; run: humanrig reconstruct .*register"):
            run(rgb, "mesh")
    finally:
        path.write_bytes(whole)


def test_a_scan_is_welded_along_the_seams_of_its_texture():
    body = load_body_model().mesh(load_body_model().v_template)
    apart = TriangleMesh(
        vertices=body.vertices[body.faces.reshape(-1)], faces=np.arange(body.faces.size).reshape(-1, 3),
        uv=body.uv, uv_faces=body.uv_faces,
    )  # fmt: skip
    whole = welded(apart)
    assert whole.is_watertight()
    np.testing.assert_array_equal(whole.uv_faces, body.uv_faces)
    np.testing.assert_allclose(whole.vertices[whole.faces], body.vertices[body.faces])
    spoilt = apart.vertices.copy()
    spoilt[-1] = np.nan
    assert len(welded(TriangleMesh(vertices=spoilt, faces=apart.faces)).faces) == len(body.faces) - 1


def test_an_instant_without_a_body_is_skipped_and_told(rgb):
    path = rgb.path("body", "person00.npz")
    whole = path.read_bytes()
    with np.load(path) as arrays:
        body = dict(arrays)
    body["transl"][0] = np.nan
    np.savez(path, **body)
    try:
        figures = run(rgb, "mesh")
        assert figures["without_surface"] == [0]
        assert figures["warnings"] == ["no surface: the body is not finite (instant 0)"]
        np.testing.assert_array_equal(meshes_of(rgb).instants, [1])
        (line,) = sentences(figures)
        assert line.startswith("1 instant: the fitted body, thickened")
        assert line.endswith("; 1 without a surface")
        body["transl"][:] = np.nan
        np.savez(path, **body)
        with pytest.raises(HumanrigError, match="not finite at any of 2 instants"):
            run(rgb, "mesh")
    finally:
        path.write_bytes(whole)


@pytest.mark.slow
def test_a_scan_is_the_template(rgbd, tmp_path):
    """A scan in millimetres, y up, of the same person in another pose and with thicker clothes."""
    model, pose = load_body_model(), np.zeros((1, 69))
    pose[:, 15 * 3 + 2], pose[:, 16 * 3 + 2] = -0.7, 0.7
    standing = BodyParameters(
        betas=parameters().betas, global_orient=np.zeros((1, 3)), body_pose=pose, transl=np.zeros((1, 3))
    )
    dressed = DressedBody(model=model, parameters=standing, offsets=np.full(model.vertex_count, 0.014))
    scan = TriangleMesh(vertices=1000 * dressed.vertices()[0], faces=model.faces, uv=model.uv, uv_faces=model.uv_faces)
    write_obj(tmp_path / "scan.obj", scan)
    figures = run(rgbd, "mesh", template=str(tmp_path / "scan.obj"), template_unit="mm", template_up="y")
    segment = meshes_of(rgbd).segment(0)
    assert figures["segments"] == 1
    assert len(segment.faces) == len(model.faces)
    np.testing.assert_allclose(segment.uv[segment.uv_faces[:50]], model.uv[model.uv_faces[:50]], atol=1e-6)
    for instant in range(FRAMES):
        assert error_of(segment.surface(instant), instant) < 0.003
    with pytest.raises(HumanrigError, match=r"mesh\.template_unit"):
        run(rgbd, "mesh", template=str(tmp_path / "scan.obj"))
    with pytest.raises(HumanrigError, match="cannot be read"):
        run(rgbd, "mesh", template=str(tmp_path / "other.obj"))


@pytest.mark.slow
def test_surfaces_made_ahead_are_taken_and_the_outputs_are_the_same(rgbd, monkeypatch):
    options = {"surface": "free", "faces": FACES, "workers": 1}
    figures = run(rgbd, "mesh", **options)
    hashes = manifest.hash_outputs(rgbd.path("mesh"))
    made = []
    surface_of = free_sequence.surface_of
    monkeypatch.setattr(free_sequence, "surface_of", lambda *given: made.append(given[-1]) or surface_of(*given))
    for number in reversed(range(FRAMES)):
        ahead(rgbd, "mesh", [number], **options)
    assert made == list(reversed(range(FRAMES)))
    shutil.rmtree(rgbd.path("mesh"))
    assert run(rgbd, "mesh", **options) == figures
    assert len(made) == FRAMES
    assert manifest.hash_outputs(rgbd.path("mesh")) == hashes
    assert not rgbd.path("cache", "mesh").exists()


@pytest.mark.slow
def test_several_processes_make_the_same_and_an_interrupted_run_goes_on(rgbd, monkeypatch):
    run(rgbd, "mesh", surface="free", faces=FACES, workers=1)
    alone = [meshes_of(rgbd).surface(instant).vertices for instant in range(FRAMES)]
    made = []
    real = free_sequence.surface_of

    def interrupted(cloud, body, config, images, instant):
        if instant == 1:
            raise KeyboardInterrupt
        made.append(instant)
        return real(cloud, body, config, images, instant)

    monkeypatch.setattr(free_sequence, "surface_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(rgbd, "mesh", surface="free", faces=FACES, workers=1)
    notes = list(rgbd.path("cache", "mesh").rglob("*.json"))
    assert made == [json.loads(notes[0].read_text())["instant"]] == [0]
    monkeypatch.setattr(free_sequence, "FEW", 1)
    run(rgbd, "mesh", surface="free", faces=FACES, workers=2)
    for instant, vertices in enumerate(alone):
        np.testing.assert_array_equal(meshes_of(rgbd).surface(instant).vertices, vertices)
