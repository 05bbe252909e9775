"""A few small scenes without any download: people who stand, chairs, cameras round about."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from body.bank import load_body_bank
from body.loading import load_body_model
from body.motion.resample import resample
from body.motion.standing import standing_clip
from capture.virtual.people import put_in_ring
from geometry.rigid import look_at
from hps.synthesis.scenes.bodies_file import ARRAYS, motion_sha256, write_bodies
from hps.synthesis.scenes.rows import ActorRow, CameraRow, PersonRow, SceneRow, ThingRow
from hps.synthesis.scenes.table import SceneTable
from hps.synthesis.staging.stage import body_of

RATE_HZ = 10.0
CLIPS = ("a_pose", "arms_crossed", "stand", "t_pose")


def small_table(
    bodies: Path,
    *,
    scenes: int = 1,
    actors: int = 2,
    things: int = 1,
    cameras: int = 2,
    frames: int = 2,
    size: tuple[int, int] = (320, 240),
    sensor: str = "kinect",
    exact: bool = False,
) -> SceneTable:
    """Writes the motions of the scenes into `bodies` and returns their table"""
    model = load_body_model()
    bank = load_body_bank(model)
    rows: dict[str, list] = {name: [] for name in ("people", "scenes", "actors", "things", "cameras")}
    for number in range(scenes):
        name = f"s{number:06d}"
        rows["scenes"].append(
            SceneRow(
                scene=name,
                split="train",
                kind="single" if actors == 1 else "group",
                room_seed=number,
                rig=f"train{number}",
                frames=frames,
                rate_hz=RATE_HZ,
                noise_seed=number,
            )
        )
        motions = []
        for actor in range(actors):
            index = number * actors + actor
            subject = bank.subject(bank.names("train")[index])
            person = PersonRow(
                person=f"p{index:06d}",
                split="train",
                subject="" if exact else subject.name,
                body_seed=index,
                sex=subject.sex,
                age_years=subject.age_years,
                height_m=subject.height_m,
                mass_kg=subject.mass_kg,
                wardrobe="sport",
                attire_seed=index,
            )
            rows["people"].append(person)
            clip = CLIPS[index % len(CLIPS)]
            seconds = frames / RATE_HZ
            motion = put_in_ring(
                resample(standing_clip(clip), RATE_HZ, seconds), body_of(person, model).model, np.zeros(0)
            )[slice(0, frames)]
            motions.append({key: np.asarray(getattr(motion, key)) for key in ARRAYS})
            rows["actors"].append(
                ActorRow(
                    scene=name,
                    actor=actor,
                    person=person.person,
                    motion=clip,
                    recipe="clip",
                    motion_seed=index,
                    motion_sha256=motion_sha256(motions[-1]),
                    x_m=0.9 * actor - 0.4,
                    y_m=0.3 * actor,
                    heading_rad=0.7 * actor,
                )
            )
        for thing in range(things):
            rows["things"].append(
                ThingRow(scene=name, thing=thing, kind="chair", seed=thing, x_m=-0.5 + thing, y_m=-1.0, heading_rad=0.3)
            )
        write_bodies(bodies / f"{name}.npz", motions)
        for camera in range(cameras):
            angle = 2 * np.pi * camera / cameras + 0.3 * number
            T_world_camera = look_at(
                np.array([2.6 * np.cos(angle), 2.6 * np.sin(angle), 1.4]), np.array([0.0, 0.0, 0.9])
            )
            focal = 0.75 * size[1]
            rows["cameras"].append(
                CameraRow(
                    scene=name,
                    camera=camera,
                    sensor=sensor,
                    unit_seed=camera,
                    width=size[0],
                    height=size[1],
                    fx=focal,
                    fy=focal,
                    cx=size[0] / 2 - 0.5,
                    cy=size[1] / 2 - 0.5,
                    **CameraRow.placed(T_world_camera),
                )
            )
    return SceneTable.of(rows)
