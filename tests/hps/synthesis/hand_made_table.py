"""A scene table written by hand: two scenes, three people, nothing drawn and nothing loaded."""

from __future__ import annotations

from hps.synthesis.scenes.rows import ActorRow, CameraRow, PersonRow, SceneRow, ThingRow
from hps.synthesis.scenes.table import SceneTable

SUBJECTS = {"train": "b0000", "test": "b0399"}


def hand_made(subjects: dict[str, str] | None = None) -> SceneTable:
    """Scene s000000 of training with two people, s000001 of the test with one."""
    subjects = subjects or SUBJECTS
    people = [
        PersonRow(
            person=f"p{n:06d}", split=split, subject=subject, body_seed=n, sex="female", age_years=30.5, height_m=1.7,
            mass_kg=60.0, wardrobe="sport", attire_seed=n,
        )
        for n, (split, subject) in enumerate([("train", subjects["train"]), ("train", ""), ("test", subjects["test"])])
    ]  # fmt: skip
    scenes = [
        SceneRow(
            scene=f"s{n:06d}", split=split, kind=kind, room_seed=n, rig=f"{split}{n}", frames=2, rate_hz=10.0,
            noise_seed=n,
        )
        for n, (split, kind) in enumerate([("train", "group"), ("test", "single")])
    ]  # fmt: skip
    actors = [
        ActorRow(
            scene=scene, actor=actor, person=person, motion=motion, recipe="clip", motion_seed=0,
            motion_sha256="0" * 64, x_m=float(actor), y_m=0.0, heading_rad=0.5,
        )
        for scene, actor, person, motion in [
            ("s000000", 0, "p000000", "run"), ("s000000", 1, "p000001", "jump+run"), ("s000001", 0, "p000002", "walk"),
        ]
    ]  # fmt: skip
    things = [ThingRow(scene="s000000", thing=0, kind="chair", seed=1, x_m=-1.0, y_m=1.0, heading_rad=0.0)]
    cameras = [
        CameraRow(
            scene=f"s{n:06d}", camera=camera, sensor="kinect", unit_seed=10 * n + camera, width=320, height=240,
            fx=250.0, fy=250.0, cx=159.5, cy=119.5, x_m=2.5, y_m=1.0 - camera, z_m=1.5,
            qw=0.5, qx=-0.5, qy=0.5, qz=-0.5,
        )
        for n in range(2) for camera in range(2)
    ]  # fmt: skip
    rows = {"people": people, "scenes": scenes, "actors": actors, "things": things, "cameras": cameras}
    return SceneTable.of(rows)
