"""Scenes are staged the same whoever made the clothes, and their pictures show what the scene says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
import simplejpeg
from small_scenes import small_table

from body.loading import load_body_model
from capture.virtual.baked_room import pinhole_rays
from capture.virtual.color_sensor import ColorSensor
from capture.virtual.surface_samples import SurfaceSamples
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.pictures.images_pass import COLOR, ImagesPass, color_effects
from hps.synthesis.pictures.room_store import RoomStore
from hps.synthesis.pictures.sensor_depth import SensorDepth
from hps.synthesis.scenes.table import SceneTable
from hps.synthesis.staging.stage import Stage
from hps.synthesis.staging.staged import StagedScene

TEXTURE_ROWS = 64
SIZE = (96, 72)
COARSE_M = 0.06
WITHIN_MM = {"kinect": 10, "realsense": 60, "iphone": 140, "pinhole": 0.51}
"""At 2.6 m and a focal length of 400 px: stereo matching is off by 0.1 px, 35 mm; a phone smooths over the arms."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("staging")


@pytest.fixture(scope="module")
def table(folder: Path) -> SceneTable:
    return small_table(folder / "bodies", actors=1, cameras=2, frames=2, size=SIZE)


def _stage(folder: Path, *, colors: bool = True) -> Stage:
    model, rows = load_body_model(), TEXTURE_ROWS
    return Stage(folder / "bodies", model, texture_rows=rows, costumes=folder / "costumes", colors=colors)


@pytest.fixture(scope="module")
def staged(folder: Path, table: SceneTable) -> StagedScene:
    """With clothes that have just been made, by a stage that has made them."""
    return _stage(folder).scene(table.scene("s000000"))


@pytest.fixture(scope="module")
def coarse() -> ImagesPass:
    return _coarse()


def _coarse(**changes: bool) -> ImagesPass:
    """Pictures in rooms that take no time to paint."""
    made = ImagesPass(SynthesisConfig(sensor_depth=True, **changes))  # type: ignore[arg-type]
    made._rooms = RoomStore(COARSE_M)
    return made


def test_clothes_from_disk_are_those_that_were_made(folder: Path, table: SceneTable, staged: StagedScene) -> None:
    assert {path.suffix for path in (folder / "costumes").iterdir()} == {".shape", f".paint{TEXTURE_ROWS}"}
    again = _stage(folder).scene(table.scene("s000000"))
    assert np.array_equal(again.surface, staged.surface)
    assert np.array_equal(again.studio.paint.texels, staged.studio.paint.texels)
    assert np.array_equal(again.studio.paint.uv, staged.studio.paint.uv)
    assert np.array_equal(again.part_of_face, staged.part_of_face)


def test_without_colours_all_but_the_texture_is_the_same(folder: Path, table: SceneTable, staged: StagedScene) -> None:
    grey = _stage(folder, colors=False).scene(table.scene("s000000"))
    assert np.array_equal(grey.surface, staged.surface)
    assert np.array_equal(grey.studio.paint.faces, staged.studio.paint.faces)
    assert np.array_equal(grey.part_of_face, staged.part_of_face)
    assert grey.people[0].figure.texture.size < staged.people[0].figure.texture.size / 100
    assert grey.moment(0).moment.light_left is None


def test_faces_of_people_have_the_part_of_the_skin_below(staged: StagedScene) -> None:
    joints = np.asarray(staged.model.weights).argmax(1)
    faces, owners = staged.studio.paint.faces, staged.studio.figure.owners
    bare = (faces < staged.model.vertex_count).all(1)
    assert np.array_equal(staged.part_of_face[bare], 1 + joints[faces[bare, 0]])
    assert (staged.part_of_face[owners == 0] > 0).all()
    assert (staged.part_of_face[owners == 1] == 0).all()
    # Shoes, the last piece below the ankles, are parts of the feet and not of anything above the knee (SMPL 4, 5).
    low = (staged.surface[0][faces[:, 0], 2] < 0.05) & (owners == 0)
    assert set(np.unique(staged.part_of_face[low]) - 1) <= {7, 8, 10, 11}


def test_pictures_come_in_their_order(staged: StagedScene, coarse: ImagesPass) -> None:
    samples = list(coarse.samples(staged))
    assert [s.key for s in samples] == [f"s000000_{f:03d}_c{c:02d}" for f in (0, 1) for c in (0, 1)]
    rows = [row for s in samples for row in s.rows]
    assert pa.Table.from_pylist(rows, ImagesPass.schema).num_rows == 4
    assert all(set(row) == set(ImagesPass.schema.names) for row in rows)
    assert simplejpeg.decode_jpeg(samples[0].files[COLOR]).shape == (SIZE[1], SIZE[0], 3)
    assert samples[0].files != samples[1].files


@pytest.mark.slow
def test_another_process_takes_the_same_pictures(
    folder: Path, table: SceneTable, staged: StagedScene, coarse: ImagesPass
) -> None:
    again = _coarse().samples(_stage(folder).scene(table.scene("s000000")))
    assert [s.files for s in again] == [s.files for s in coarse.samples(staged)]


@pytest.mark.parametrize("sensor", WITHIN_MM)
def test_a_sensor_measures_the_person(staged: StagedScene, sensor: str, coarse: ImagesPass) -> None:
    """Inside the outline, in the median; limits are two to three times what was found (3, 22, 69 and 0.25 mm)."""
    small = staged.spec.cameras[0]
    row = replace(small, sensor=sensor, width=640, height=480, fx=400.0, fy=400.0, cx=319.5, cy=239.5)
    camera, drawable = row.to_camera(), staged.moment(0).drawable
    found = SensorDepth(row, coarse._rooms.room(0)).millimetres(drawable, np.random.default_rng(0))
    assert found.shape == (480, 640)
    assert found.dtype == np.uint16
    centers = drawable.centers(camera, pinhole_rays(camera))
    assert centers is not None
    mask = cv2.erode(drawable.mask(centers, 480, 640), np.ones((9, 9), np.uint8))[centers.window] == 1
    inside = mask & (found[centers.window] > 0)
    gap = np.abs(found[centers.window][inside] - 1000 * centers.depth[inside])
    assert inside.sum() > 0.9 * mask.sum() > 1000
    assert np.median(gap) < WITHIN_MM[sensor]


def test_pictures_show_the_instant_of_their_labels(staged: StagedScene) -> None:
    """A part that crosses the picture in a tenth of a second stays where its mask and keypoints are."""
    row, drawable = staged.spec.cameras[0], staged.moment(0).drawable
    fast = np.full_like(drawable.vertices, 10.0)
    for sensor in WITHIN_MM:
        camera, effects = row.to_camera(), color_effects(replace(row, sensor=sensor), True)
        unit = ColorSensor(camera, effects, np.random.default_rng(0))
        assert unit.vertex_offset_px(camera, drawable.vertices, fast) is None
        assert effects.blur_s > 0


def test_samples_of_several_meshes_are_those_of_each(staged: StagedScene) -> None:
    person, thing = staged.people[0], staged.things[0]
    parts = [SurfaceSamples.of(v, f) for v, f in ((person.surface[0], person.figure.faces),
                                                  (thing.vertices[0], thing.figure.faces))]  # fmt: skip
    joined = SurfaceSamples.joined(parts)
    places = joined.at(staged.surface[0])
    each = [parts[0].at(person.surface[0]), parts[1].at(thing.vertices[0])]
    assert np.array_equal(places, np.concatenate(each))
    heights = [part.spread(p[:, 2]) for part, p in zip(parts, each)]
    assert np.allclose(joined.spread(places[:, 2]), np.concatenate(heights), atol=1e-6)


def test_without_effects_the_room_is_as_painted(staged: StagedScene) -> None:
    clean = _coarse(effects=False)
    image = simplejpeg.decode_jpeg(next(clean.samples(staged)).files[COLOR])
    camera = staged.spec.cameras[0].to_camera()
    drawable = staged.moment(0).drawable
    mask = drawable.mask(drawable.centers(camera, pinhole_rays(camera)), camera.height, camera.width)
    empty = clean._rooms.room(0).color(camera)
    above = slice(0, SIZE[1] // 2)  # the floor's shadow is not in the empty room
    far = cv2.dilate(mask, np.ones((9, 9), np.uint8))[above] == 0
    gap = np.abs(image[above].astype(int) - empty[above])[far]
    assert far.sum() > 500
    assert np.quantile(gap, 0.95) < 12  # of JPEG at quality 95 with 4:2:2
    assert (mask > 0).sum() > 100


@pytest.mark.slow
def test_damaged_files_are_made_again(tmp_path: Path) -> None:
    table = small_table(tmp_path / "bodies", actors=1, things=0, frames=1, cameras=1)
    first = _stage(tmp_path).scene(table.scene("s000000"))
    for path in (tmp_path / "costumes").iterdir():
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 255
        path.write_bytes(bytes(data))
    again = _stage(tmp_path).scene(table.scene("s000000"))
    assert np.array_equal(first.surface, again.surface)
    assert np.array_equal(first.studio.paint.texels, again.studio.paint.texels)
    third = _stage(tmp_path).scene(table.scene("s000000"))
    assert np.array_equal(first.studio.paint.texels, third.studio.paint.texels)


@pytest.mark.slow
def test_labels_of_a_body_of_the_model_give_its_vertices(tmp_path: Path) -> None:
    table = small_table(tmp_path / "bodies", actors=2, things=0, frames=2, exact=True)
    staged = _stage(tmp_path, colors=False).scene(table.scene("s000000"))
    assert staged.exact == (True, True)
    for frame in range(2):
        moment = staged.moment(frame)
        for actor, label in enumerate(moment.parameters):
            posed = staged.model.pose(label)
            assert np.abs(posed.vertices[0] - moment.vertices[actor]).max() < 1e-9
            assert np.abs(posed.joints[0] - moment.joints[actor]).max() < 1e-9
