"""The stage `texture` on a small recording of a painted, dressed body: its colours, and what is left of them when
cameras, instants or surfaces are bad."""

import errno
import shutil

import cv2
import numpy as np
import pytest
import simplejpeg
from painted_take import FRAMES, ahead, paint, record, run, write_surfaces

from body.loading import load_body_model
from calibration.color.srgb import light_of, values_of
from humanrig import manifest
from humanrig.commands.texture import sentences
from humanrig.errors import HumanrigError
from humanrig.texturing import instant_work
from texture.files.mesh_sequence import MeshSequence, write_segment
from texture.layout.atlas import Atlas

SIZE = 256
SMALL = 128
"""Where nobody looks at the colours."""
STOPS = {"k0/color": 0.5, "k1/color": -0.5, "k2/color": 0.3}


def exposed(stream, frame, image):
    """Three cameras set to other exposures; one drifts by a third of a stop before a room that is bright enough."""
    image = np.where((image <= 14).all(-1, keepdims=True), np.uint8([90, 80, 70]), image)
    stops = STOPS.get(stream, 0.0) + (0.33 * frame if stream == "k1/color" else 0.0)
    return values_of(light_of(image) * 2**stops)


def spoilt(stream, frame, image):
    """One camera is covered, one is out of focus, and three show nothing at the second instant."""
    if stream == "k0/color" or (frame == 1 and stream in ("k2/color", "k3/color")):
        return np.zeros_like(image)
    return cv2.GaussianBlur(image, (0, 0), 9) if stream == "k1/color" else image


def session_of(folder, depth=False, alter=None, free=False):
    session = record(folder / "take", depth, alter)
    write_surfaces(session, free)
    return session


def errors(session, name, at_least=60):
    """Differences to the paint, levels, of the texels of one texture that the sequence saw well."""
    model = load_body_model()
    atlas = Atlas.of(model.faces, model.uv, model.uv_faces, SIZE)
    right = paint(np.einsum("nk,nkc->nc", atlas.bary, model.uv[model.uv_faces[atlas.face]]))
    folder = session.path("texture", "person00")
    confidence = cv2.imread(str(folder / "segment_000_confidence.png"), cv2.IMREAD_UNCHANGED)
    assert confidence.shape == (SIZE, SIZE)
    sure = confidence.reshape(-1)[atlas.flat] > at_least
    assert sure.mean() > 0.4
    image = simplejpeg.decode_jpeg((folder / name).read_bytes())
    return np.abs(image.reshape(-1, 3)[atlas.flat].astype(float) - right)[sure]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A recording without depth. Each test writes the surfaces that it wants."""
    return record(tmp_path_factory.mktemp("rgb") / "take", depth=False)


def textured(session, **options):
    return run(session, "texture", **{"size": SIZE, "polish": False, **options})


@pytest.fixture(scope="module")
def rgbd(tmp_path_factory):
    session = session_of(tmp_path_factory.mktemp("rgbd"), depth=True)
    return session, run(session, "texture", size=SIZE)


@pytest.mark.parametrize("name", ["segment_000.jpg", *(f"{i:06d}.jpg" for i in range(FRAMES))])
def test_textures_show_the_paint(rgbd, name):
    session, figures = rgbd
    error = errors(session, name)
    # a pixel is 10 mm of skin or up to 4 levels of paint
    assert np.median(error) < 4
    assert (error.max(-1) > 60).mean() < 0.05  # outlines, and where charts meet in the picture but not in the atlas
    assert 0.7 < figures["seen_instant"] <= figures["seen_clip"] <= 1
    assert figures["warnings"] == []


def test_maps_say_who_saw_a_texel(rgbd):
    session, figures = rgbd
    folder = session.path("texture", "person00")
    source = cv2.imread(str(folder / "segment_000_source.png"), cv2.IMREAD_UNCHANGED)
    confidence = cv2.imread(str(folder / "segment_000_confidence.png"), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(source)) == set(range(len(figures["streams"]) + 1))
    np.testing.assert_array_equal(source > 0, confidence > 0)
    assert not list(session.path("texture").rglob("*.json"))
    assert not list(session.path("cache", "texture").iterdir())


@pytest.mark.parametrize("free", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_textures_painted_ahead_are_taken_and_the_outputs_are_the_same(recorded, monkeypatch, free):
    write_surfaces(recorded, free)
    options = {"size": SMALL, "polish": False, "balance": False, "workers": 1}
    figures = run(recorded, "texture", **options)
    hashes = manifest.hash_outputs(recorded.path("texture"))
    painted = []
    paint_one = instant_work.paint
    monkeypatch.setattr(instant_work, "paint", lambda *given: painted.append(1) or paint_one(*given))
    for number in reversed(range(FRAMES)):
        ahead(recorded, "texture", [number], **options)
    done = len(painted)
    assert done
    litter = next(recorded.path("cache", "texture").glob("*/person00")) / ".000000.pc.1.jpg"
    litter.write_bytes(b"cut off")  # by the death of a process
    shutil.rmtree(recorded.path("texture"))
    assert run(recorded, "texture", **options) == figures
    assert len(painted) == done  # nothing is painted again
    assert manifest.hash_outputs(recorded.path("texture")) == hashes
    assert not list(recorded.path("cache", "texture").iterdir())


@pytest.mark.slow
def test_exposures_are_brought_together(tmp_path):
    session = session_of(tmp_path, alter=exposed)
    figures = textured(session)
    stops = {stream: float(np.log2(figures["gains"][stream][1])) for stream in figures["streams"]}
    # gains are known up to a common factor; pixels of 10 mm and a prior of 2 % leave some hundredths of a stop
    between = [stops[s] + STOPS.get(s, 0.0) for s in stops]
    assert np.ptp(between) < 0.12
    for name in ("000000.jpg", "000001.jpg"):
        ratio = np.median(errors(session, name), 0)
        assert ratio.max() < 12  # the common factor is the cameras' mean, 0.06 stops off


def test_bad_cameras_are_left_out_and_poor_instants_told(tmp_path):
    session = session_of(tmp_path, alter=spoilt)
    figures = textured(session, size=SMALL)
    assert figures["streams"] == ["k2/color", "k3/color", "k4/color"]
    text = "\n".join(figures["warnings"])
    assert "k0/color is not used: black" in text
    assert "k1/color is not used: out of focus" in text
    assert "instant 1 seen by fewer than 3 cameras" in text
    assert "k3/color left out at instant 1" in text
    assert sorted(p.name for p in session.path("texture", "person00").glob("0*.jpg")) == ["000000.jpg", "000001.jpg"]


@pytest.mark.slow
def test_surfaces_of_one_instant_each_have_all_their_files(recorded):
    session = recorded
    write_surfaces(session, free=True)
    figures = textured(session)
    assert figures["segments"] == FRAMES
    folder = session.path("texture", "person00")
    for number in range(FRAMES):
        for name in (".jpg", "_confidence.png", "_source.png"):
            assert (folder / f"segment_{number:03d}{name}").is_file()
        assert (folder / f"{number:06d}.jpg").read_bytes() == (folder / f"segment_{number:03d}.jpg").read_bytes()
    assert np.median(errors(session, "segment_000.jpg")) < 4


def no_links(source, target):
    raise OSError(errno.EPERM, "Operation not permitted", str(source), None, str(target))


def test_a_surface_that_cannot_be_painted_is_skipped_with_its_reason(recorded, monkeypatch):
    monkeypatch.setattr(instant_work.os, "link", no_links)  # as on exFAT
    session = recorded
    write_surfaces(session, free=True)
    meshes = MeshSequence.open(session.path("mesh"), "person00")
    broken = meshes.segment(1)
    flat = type(broken)(
        instants=broken.instants, vertices=broken.vertices, faces=broken.faces,
        uv=np.full_like(broken.uv, 0.5), uv_faces=broken.uv_faces,
    )  # fmt: skip
    write_segment(session.path("mesh"), "person00", 1, flat)
    shutil.rmtree(session.path("texture"), ignore_errors=True)
    figures = textured(session, size=SMALL)
    assert figures["without_texture"] == [1]
    (line,) = sentences(figures)
    assert line.startswith(f"2 textures of {SMALL} from 5 cameras")
    assert line.endswith("1 instant without texture")
    assert "instant 1 without texture" in figures["warnings"][0]
    folder = session.path("texture", "person00")
    assert (folder / "000000.jpg").read_bytes() == (folder / "segment_000.jpg").read_bytes()
    assert (folder / "segment_000_confidence.png").is_file()
    assert not (folder / "000001.jpg").exists()


def test_without_colour_the_stage_says_so(recorded):
    session = recorded
    write_surfaces(session)
    figures = run(session, "texture", without=[f"k{i}" for i in range(5)])
    assert "without texture" in figures["skipped"]
    assert sentences(figures) == [f"no texture: {figures['skipped']}"]
    with pytest.raises(HumanrigError, match="none of the 1 instants asked for"):
        run(session, "texture", instants=[7], size=SIZE)


@pytest.mark.slow
def test_an_interrupted_run_goes_on(recorded, monkeypatch):
    session = recorded
    write_surfaces(session)
    painted, real = [], instant_work.paint

    def cut(mesh, atlas, views, config):
        if len(painted) == 1:
            raise KeyboardInterrupt
        painted.append(1)
        return real(mesh, atlas, views, config)

    monkeypatch.setattr(instant_work, "paint", cut)
    with pytest.raises(KeyboardInterrupt):
        textured(session, balance=False, size=SMALL)
    monkeypatch.setattr(instant_work, "paint", lambda *a: painted.append(2) or real(*a))
    textured(session, balance=False, size=SMALL)
    assert painted == [1, 2]  # the first instant was kept, and the textures are made of samples that wait


def test_missing_stages_are_named(recorded):
    session = recorded
    shutil.rmtree(session.path("mesh"), ignore_errors=True)
    with pytest.raises(HumanrigError, match=r"mesh/person00\.npz is missing; run: humanrig reconstruct .*mesh"):
        run(session, "texture")


@pytest.mark.slow
def test_several_processes_paint_the_same(tmp_path):
    session = session_of(tmp_path)
    run(session, "texture", size=SIZE, workers=1)
    alone = {p.name: p.read_bytes() for p in session.path("texture", "person00").iterdir()}
    run(session, "texture", size=SIZE, workers=2)
    assert {p.name: p.read_bytes() for p in session.path("texture", "person00").iterdir()} == alone
