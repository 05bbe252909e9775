"""The stage `mesh` on a small recording of a dressed body, with and without depth."""

import numpy as np
import pytest
from painted_take import FRAMES, THICKNESS, parameters, record, run

from body.loading import load_body_model
from geometry.mesh import TriangleMesh
from humanrig.errors import HumanrigError
from texture.files.mesh_sequence import MeshSequence
from texture.surfaces.body_mesh import DressedBody


@pytest.fixture(scope="module")
def rgbd(tmp_path_factory):
    session = record(tmp_path_factory.mktemp("rgbd") / "take", depth=True)
    return session, run(session, "mesh")


@pytest.fixture(scope="module")
def rgb(tmp_path_factory):
    session = record(tmp_path_factory.mktemp("rgb") / "take", depth=False)
    return session, run(session, "mesh")


def test_mesh_carries_the_clothes_that_the_clouds_show(rgbd):
    session, figures = rgbd
    segment = MeshSequence.open(session.path("mesh"), "person00").segment(0)
    model = load_body_model()
    assert segment.vertices.shape == (FRAMES, model.vertex_count, 3)
    assert segment.vertices.dtype == np.float32
    np.testing.assert_array_equal(segment.faces, model.faces)
    np.testing.assert_array_equal(segment.instants, [0, 1])
    torso = model.weights[:, [3, 6]].sum(1) > 0.95
    offsets = offsets_of(model, segment.binding.rest)
    # exact depth in whole millimetres, 10 mm pixels: the offset itself, to a fraction of its smoothing
    assert offsets[torso].mean() == pytest.approx(THICKNESS, abs=0.001)
    assert figures["offset_max_mm"] == pytest.approx(1e3 * offsets.max(), abs=0.01)
    again = DressedBody(model=model, parameters=parameters(), offsets=offsets).vertices()
    np.testing.assert_allclose(segment.vertices, again, atol=1e-6)


def offsets_of(model, rest):
    """How far a surface at rest stands off the body, metres."""
    bare = model.shaped(parameters().betas)
    normals = TriangleMesh(vertices=bare, faces=model.faces).vertex_normals()
    return ((rest - bare) * normals).sum(-1)


def test_mesh_without_clouds_is_the_body(rgb):
    session, figures = rgb
    segment = MeshSequence.open(session.path("mesh"), "person00").segment(0)
    np.testing.assert_allclose(segment.vertices, load_body_model().pose(parameters()).vertices, atol=1e-6)
    assert figures["offset_mean_mm"] == 0


def test_clothes_can_be_left_out_and_instants_chosen(tmp_path):
    session = record(tmp_path / "take", depth=True)
    assert run(session, "mesh", instants=[1], clothes=False)["offset_max_mm"] == 0
    np.testing.assert_array_equal(np.load(session.path("mesh", "person00.npz"))["instants"], [1])


def test_missing_stages_are_named(tmp_path):
    session = record(tmp_path / "take", depth=False)
    session.path("body", "person00.npz").unlink()
    with pytest.raises(HumanrigError, match=r"body/person00\.npz is missing; run: humanrig reconstruct .*register"):
        run(session, "mesh")
