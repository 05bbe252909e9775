"""Labels of pictures, held against ray casts of the stored mesh, independent projections and the body model itself."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from small_scenes import small_table

from body.loading import load_body_model
from body.parameters import BodyParameters
from capture.virtual.room import HALF_WIDTH_M, HEIGHT_M
from geometry.camera import Camera
from geometry.face_raster.rasterizer import open_rasterizer
from geometry.rays import RayScene
from geometry.rigid import look_at, transform
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.labelling.alone import draw_alone
from hps.synthesis.labelling.labels_pass import LabelsPass
from hps.synthesis.labelling.schema import LABELS_SCHEMA
from hps.synthesis.labelling.true_picture import TruePicture
from hps.synthesis.labelling.visibility import keypoint_visibility
from hps.synthesis.sample_files import decoded

FRAMES, CAMERAS, SIZE = 1, 3, (320, 240)
STEP_M = 0.5 / 5000
"""Half a step of the stored depth; ray casts are in float32, 2e-6 m at 5 m."""


def _square(left, right, top, bottom, z=2.0):
    """An upright rectangle before a camera with fx = fy = 100: its sides in metres at z = 2, and its faces."""
    corners = np.array([[left, top, z], [right, top, z], [right, bottom, z], [left, bottom, z]], np.float32)
    return corners, np.array([[0, 2, 1], [0, 3, 2]], np.int32)


CAMERA = Camera(name="c", K=np.array([[100.0, 0, 49.5], [0, 100.0, 39.5], [0, 0, 1]]), width=100, height=80)


def test_a_person_alone_is_counted_beyond_the_frame():
    # 1 m at 2 m are 50 pixels: columns 24.5 … 74.5 before, then half of it beyond the left edge
    inside = draw_alone(open_rasterizer("numba"), CAMERA, *_square(-0.5, 0.5, -0.4, 0.4))
    assert (inside.pixels, inside.pixels_whole) == (50 * 40, 50 * 40)
    assert inside.box == (25.0, 20.0, 50.0, 40.0)
    half = draw_alone(open_rasterizer("numba"), CAMERA, *_square(-1.49, -0.49, -0.4, 0.4))
    assert half.pixels_whole == 50 * 40
    assert half.box[0] == -25.0
    assert half.pixels == 25 * 40
    gone = draw_alone(open_rasterizer("numba"), CAMERA, *_square(-4.5, -3.5, -0.4, 0.4))
    assert gone.pixels == 0
    assert gone.pixels_whole > 0
    behind = draw_alone(open_rasterizer("numba"), CAMERA, *_square(-0.5, 0.5, -0.4, 0.4, z=-2.0))
    assert (behind.pixels, behind.pixels_whole, behind.box) == (0, 0, (0.0, 0.0, 0.0, 0.0))


def test_keypoints_are_hidden_by_what_stands_in_front_and_by_other_parts():
    owner, part = np.zeros((80, 100), np.uint8), np.zeros((80, 100), np.uint8)
    depth = np.full((80, 100), 5.0, np.float32)
    owner[:, :50], part[:, :50], depth[:, :50] = 1, 17, 2.0  # actor 0's left upper arm (joint 16) on the left
    owner[:, 50:75], depth[:, 50:75] = 2, 1.0  # somebody in front
    picture = TruePicture(
        depth_m=depth, normals=np.zeros((80, 100, 3), np.uint8), owner=owner, part=part, seen=np.zeros((3, 5), np.int64)
    )

    def seen(name, column, z, actor=0):
        p = np.array([[(column - 49.5) / 100 * z, 0.0, z]])
        return int(keypoint_visibility(picture, CAMERA, (name,), p, CAMERA.project(p), actor)[0])

    assert seen("left_shoulder", 20, 2.05) == 2
    assert seen("left_shoulder", 20, 2.50) == 1  # half a metre inside: not its own skin
    assert seen("left_knee", 20, 2.05) == 1  # an arm before the knee
    assert seen("left_shoulder", 60, 2.05) == 1  # somebody in front
    assert seen("left_shoulder", 90, 2.05) == 2  # beside the body, before the wall
    assert seen("left_shoulder", 200, 2.05) == 0
    assert seen("left_shoulder", 20, -2.05) == 0


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    from hps.synthesis.staging.stage import Stage

    bodies = tmp_path_factory.mktemp("bodies")
    model = load_body_model()
    spec = small_table(bodies, actors=2, things=1, cameras=CAMERAS, frames=FRAMES, size=SIZE).scene("s000000")
    staged = Stage(bodies, model).scene(spec)
    samples = list(LabelsPass(SynthesisConfig(), model).samples(staged))
    rows = pa.Table.from_pylist([row for s in samples for row in s.rows], schema=LABELS_SCHEMA).to_pylist()
    return model, staged, samples, rows


@pytest.mark.slow
def test_masks_depth_normals_and_parts_agree_with_ray_casts(labelled):
    _, staged, samples, _ = labelled
    wrong, pixels = 0, 0
    for sample, row in zip(samples, staged.spec.cameras):
        camera = row.to_camera()
        columns, rows = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
        rays = np.stack([(columns - row.cx) / row.fx, (rows - row.cy) / row.fy, np.ones(columns.shape)], -1)
        v_world = rays @ camera.T_world_camera[:3, :3].T
        scene = RayScene(staged.surface[0].astype(np.float64), staged.studio.figure.faces)
        face = scene.cast(camera.center, v_world).face
        body = face >= 0
        corners = staged.surface[0][staged.studio.figure.faces[np.maximum(face, 0)]].astype(np.float64)
        normal = np.cross(corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :])
        depth = np.einsum("rcd,rcd->rc", corners[..., 0, :] - camera.center, normal) / np.einsum(
            "rcd,rcd->rc", v_world, normal
        )
        low, high = np.array([-HALF_WIDTH_M, -HALF_WIDTH_M, 0]), np.array([HALF_WIDTH_M, HALF_WIDTH_M, HEIGHT_M])
        with np.errstate(divide="ignore"):
            room = np.where(v_world > 0, (high - camera.center) / v_world, (low - camera.center) / v_world).min(-1)
        owner = np.where(body, staged.studio.figure.owners[np.maximum(face, 0)] + 1, 0)
        part = np.where(body, staged.part_of_face[np.maximum(face, 0)], 0)
        mask, parts = decoded("mask.png", sample.files["mask.png"]), decoded("parts.png", sample.files["parts.png"])
        stored, normals = (
            decoded("depth.png", sample.files["depth.png"]),
            decoded("normals.png", sample.files["normals.png"]),
        )
        truth = np.where(body, depth, room)
        same = (mask == owner) & (parts == part) & (np.abs(stored - truth) < STEP_M + 1e-5)
        wrong, pixels = wrong + int((~same & (body | (mask > 0))).sum()), pixels + int(body.sum())
        assert np.abs(stored - truth)[~body & (mask == 0)].max() < STEP_M + 1e-5  # the room, everywhere
        v_normal = normal @ camera.T_world_camera[:3, :3]
        v_normal /= np.linalg.norm(v_normal, axis=-1, keepdims=True)
        v_normal *= -np.sign(np.einsum("rcd,rcd->rc", v_normal, rays))[..., None]
        cosine = np.einsum("rcd,rcd->rc", v_normal, normals)[same & body]
        # 8 bits a component are right to 0.4 degrees; neighbouring faces of the same depth may be told apart otherwise
        assert np.quantile(cosine, 0.01) > np.cos(np.radians(0.6))
    # Vertices are rounded to 1/256 pixel: along outlines some centres fall on the other side.
    assert wrong < 0.002 * pixels


@pytest.mark.slow
def test_stored_keypoints_are_the_projected_ones(labelled):
    _, staged, _, rows = labelled
    worst = 0.0
    for row in rows:
        K = np.array(row["K"]).reshape(3, 3)
        for name in ("joints", "coco"):
            p = np.array(row[f"{name}_camera"]).reshape(-1, 3)
            q = (p @ K.T)[:, :2] / p[:, 2:]
            worst = max(worst, float(np.abs(q - np.array(row[f"{name}_2d"]).reshape(-1, 2)).max()))
            T = np.array(row["T_world_camera"]).reshape(4, 4)
            world = np.array(row[f"{name}_world"]).reshape(-1, 3)
            assert np.abs(transform(T, p) - world).max() < 2e-6  # float32 at a few metres
    assert worst < 0.01
    assert len(rows) == CAMERAS * FRAMES * len(staged.people)


@pytest.mark.slow
def test_parameters_in_the_cameras_frame_pose_the_same_body(labelled):
    model, staged, _, rows = labelled
    for row in rows:
        posed = {}
        for frame in ("world", "camera"):
            parameters = BodyParameters(
                betas=np.array(row["betas"]),
                child=row["child"],
                body_pose=np.array(row["body_pose"])[None],
                global_orient=np.array(row[f"global_orient_{frame}"])[None],
                transl=np.array(row[f"transl_{frame}"])[None],
            )
            posed[frame] = model.pose(parameters).vertices[0]
        T = np.array(row["T_world_camera"]).reshape(4, 4)
        assert np.abs(transform(T, posed["camera"]) - posed["world"]).max() < 1e-5  # float32 angles on a metre
        true = staged.people[row["actor"]].vertices[row["frame"]]
        gap_mm = 1e3 * np.sqrt(((posed["world"] - true) ** 2).sum(-1).mean())
        assert gap_mm == pytest.approx(row["label_gap_mm"], abs=0.02)
        assert gap_mm < 15  # what betas leave of the bank's people, and linear skinning of their bends


@pytest.mark.slow
def test_boxes_and_shares_are_those_of_the_masks(labelled):
    _, _, samples, rows = labelled
    masks = {sample.key: decoded("mask.png", sample.files["mask.png"]) for sample in samples}
    hidden = 0
    for row in rows:
        mine = masks[row["key"]] == row["actor"] + 1
        assert row["pixels_visible"] == mine.sum()
        where = np.argwhere(mine)
        (top, left), (bottom, right) = where.min(0), where.max(0)
        assert row["box_visible"] == [left, top, right - left + 1, bottom - top + 1]
        assert row["pixels_alone"] >= row["pixels_visible"]
        assert row["occluded"] == pytest.approx(1 - row["pixels_visible"] / row["pixels_alone"], abs=1e-6)
        hidden += row["occluded"] > 0.02
    assert hidden  # somebody stands before somebody in one of these pictures


@pytest.mark.slow
def test_who_is_not_drawn_again_has_the_pixels_of_one_drawn_alone(labelled):
    _, staged, _, rows = labelled
    cameras = [row.to_camera() for row in staged.spec.cameras]
    counts = [person.surface.shape[1] for person in staged.people]
    for row in rows:
        first = sum(counts[: row["actor"]])
        vertices = staged.surface[row["frame"], first : first + counts[row["actor"]]]
        faces = np.asarray(staged.people[row["actor"]].figure.faces, np.int32)
        alone = draw_alone(open_rasterizer("numba"), cameras[row["camera"]], vertices, faces)
        assert (row["pixels_alone"], row["pixels_whole"]) == (alone.pixels, alone.pixels_whole)
        assert tuple(row["box_whole"]) == alone.box


@pytest.mark.slow
def test_a_camera_that_looks_away_gives_rows_that_say_so(tmp_path):
    from dataclasses import replace

    from hps.synthesis.scenes.rows import CameraRow
    from hps.synthesis.staging.stage import Stage

    model = load_body_model()
    spec = small_table(tmp_path, actors=1, things=0, cameras=1, frames=1, size=SIZE, exact=True).scene("s000000")
    eye = np.array([2.6, 0.0, 1.4])
    away = replace(spec.cameras[0], **CameraRow.placed(look_at(eye, eye + [1.0, 0, 0])))
    staged = Stage(tmp_path, model).scene(replace(spec, cameras=(away,)))
    (sample,) = LabelsPass(SynthesisConfig(), model).samples(staged)
    (row,) = pa.Table.from_pylist(list(sample.rows), schema=LABELS_SCHEMA).to_pylist()
    assert row["exact"]
    assert row["label_gap_mm"] == 0
    assert row["pixels_visible"] == row["pixels_alone"] == 0
    assert row["truncated"] == 1
    assert set(row["joints_visible"]) == {0}
    assert row["picture_flags"][0].startswith("out_of_view")
