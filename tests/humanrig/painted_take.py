"""A small recording of a painted, dressed body: a session up to the stage `register`, with and without depth."""

import numpy as np
import simplejpeg

from body.loading import load_body_model
from body.parameters import BodyParameters
from capture import depth_codec
from capture.frame_sets import Instant, write_instants
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import StreamInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.depth import encode_depth_mm
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from geometry.rigid import look_at
from humanrig.pipeline import load_stage, read_config
from humanrig.stage import StageContext
from texture.files.mesh_sequence import Segment, write_index, write_segment
from texture.surfaces.body_mesh import DressedBody
from texture.surfaces.offsets import HANDS

FRAMES = 2
THICKNESS = 0.012


def parameters():
    pose = np.zeros((FRAMES, 69))
    pose[:, 15 * 3 + 2], pose[:, 16 * 3 + 2] = -0.9, 0.9
    pose[1, 17 * 3 + 1], pose[1, 18 * 3 + 1] = -1.2, 1.2
    return BodyParameters(
        betas=np.array([0.5, -0.5]),
        global_orient=np.tile([np.pi / 2, 0, 0], (FRAMES, 1)),
        body_pose=pose,
        transl=np.array([[0, 0, 1.15], [0.02, 0, 1.15]]),
    )


def cameras(depth):
    K = np.array([[220.0, 0, 119], [0, 220, 159], [0, 0, 1]])
    found = []
    for i in range(5):
        angle = 2 * np.pi * i / 5
        eye = np.array([2.2 * np.cos(angle), 2.2 * np.sin(angle), 1.0 + 0.5 * (i % 2)])
        place = look_at(eye, np.array([0, 0, 1.0]))
        for kind in ("color", "depth") if depth else ("color",):
            found.append(Camera(name=f"k{i}/{kind}", K=K, width=240, height=320, T_world_camera=place))
    return found


def paint(uv):
    u, v = uv[..., 0], uv[..., 1]
    return np.stack([40 + 180 * u, 40 + 180 * v, 128 + 60 * np.sin(8 * u)], -1)


def record(folder, depth, alter=None):
    """A session up to the stage `register`; `alter(stream, frame, image)` may change each colour picture."""
    model = load_body_model()
    bare = ~np.isin(np.argmax(model.weights, 1), HANDS)
    dressed = DressedBody(model=model, parameters=parameters(), offsets=THICKNESS * bare)
    rig, streams = cameras(depth), []
    with McapWriter(folder / "recording/rig.mcap") as writer:
        for camera in rig:
            kind = camera.name.split("/")[1]
            encoding = "jpeg" if kind == "color" else "dzp"
            writer.add_stream(f"/{camera.name}", encoding)
            streams.append(
                StreamInfo(
                    name=camera.name, kind=kind, file="recording/rig.mcap", topic=f"/{camera.name}",
                    encoding=encoding, frames=FRAMES, width=camera.width, height=camera.height,
                )
            )  # fmt: skip
        for frame, vertices in enumerate(dressed.vertices()):
            mesh = TriangleMesh(vertices=vertices, faces=model.faces)
            scene, points, normals = RayScene.of(mesh), [], []
            for camera in rig:
                hits = scene.cast_camera(camera)
                hit = hits.face >= 0
                if camera.name.endswith("color"):
                    image = color_of(model, hits, hit)
                    image = image if alter is None else alter(camera.name, frame, image)
                    data = simplejpeg.encode_jpeg(image, quality=97, colorsubsampling="444")
                else:
                    data = depth_codec.encode(encode_depth_mm(np.where(hit, hits.t, 3.5)))
                    place = camera.T_world_camera
                    rows, columns = np.nonzero(hit)
                    p = camera.unproject(np.stack([columns, rows], -1), hits.t[hit])
                    points.append(p @ place[:3, :3].T + place[:3, 3])
                    normals.append(mesh.face_normals()[hits.face[hit]])
                writer.write(f"/{camera.name}", data, device_us=33_333 * frame, host_us=33_333 * frame)
            if depth:
                (folder / "clouds").mkdir(exist_ok=True)
                cloud = {"points": np.concatenate(points), "normals": np.concatenate(normals)}
                np.savez(folder / "clouds" / f"{frame:06d}.npz", **cloud)
    for name in ("calibration", "body", "sync"):
        (folder / name).mkdir()
    write_cameras(folder / "calibration" / "cameras.json", rig, source="test")
    zero = {s.name: 0 for s in streams}
    write_instants(
        folder / "sync" / "frames.parquet",
        [
            Instant(instant=i, time_us=33_333 * i, index=dict.fromkeys(zero, i), offset_us=zero)
            for i in range(FRAMES)
        ],
    )  # fmt: skip
    p = parameters()
    np.savez(
        folder / "body" / "person00.npz", betas=p.betas, child=0.0, global_orient=p.global_orient,
        body_pose=p.body_pose, transl=p.transl, instants=np.arange(FRAMES), time_us=33_333 * np.arange(FRAMES),
        model=model.name, model_sha256=model.sha256,
    )  # fmt: skip
    return Session.create(folder, streams=streams, origin="virtual")


def color_of(model, hits, hit):
    image = np.full((*hit.shape, 3), 10, np.uint8)
    uv = hits.uv[hit]
    weights = np.stack([1 - uv.sum(-1), uv[:, 0], uv[:, 1]], -1)
    image[hit] = np.rint(paint(np.einsum("nk,nkc->nc", weights, model.uv[model.uv_faces[hits.face[hit]]])))
    return image


def write_surfaces(session, free=False):
    """The true surfaces as the stage `mesh` leaves them: one segment, or one for each instant."""
    model = load_body_model()
    bare = ~np.isin(np.argmax(model.weights, 1), HANDS)
    dressed = DressedBody(model=model, parameters=parameters(), offsets=THICKNESS * bare)
    vertices, folder = dressed.vertices().astype(np.float32), session.path("mesh")
    folder.mkdir(exist_ok=True)
    parts = [[i] for i in range(FRAMES)] if free else [list(range(FRAMES))]
    for number, part in enumerate(parts):
        layout = {"faces": model.faces, "uv": model.uv, "uv_faces": model.uv_faces}
        write_segment(folder, "person00", number, Segment(instants=np.array(part), vertices=vertices[part], **layout))
    write_index(folder, "person00", [(i, number, "") for number, part in enumerate(parts) for i in part])


def ahead(session, name, instants, whole=range(FRAMES), **options):
    stage = load_stage(name)
    stage.ahead.run(
        StageContext(
            session=session,
            output=session.path("scratch"),
            config=read_config(stage, options),
            instants=list(instants),
            whole=tuple(whole),
            without=frozenset(),
            progress=lambda done, total: None,
        )
    )


def run(session, name, instants=range(FRAMES), without=(), **options):
    stage, calls = load_stage(name), []
    session.path(stage.folder).mkdir(exist_ok=True)
    context = StageContext(
        session=session,
        output=session.path(stage.folder),
        config=read_config(stage, options),
        instants=list(instants),
        without=frozenset(without),
        progress=lambda done, total: calls.append((done, total)),
    )
    figures = stage.run(context)
    assert calls[-1][0] == calls[-1][1]
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    return figures
