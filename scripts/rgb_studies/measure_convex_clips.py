"""What lifting a clip together is worth over lifting it frame by frame, by the convex lifter.

Usage: python -m scripts.rgb_studies.measure_convex_clips [--seed N]
Clips of validation motions and people at 25 Hz, the detector's errors drawn for each frame, one camera a clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
import tyro

from body.rotations import axis_angle_to_matrix
from hps.metrics import mpjpe_mm, pa_mpjpe_mm
from hps.rgb.convex import ConvexClipLifter, ConvexLifter
from hps.rgb.convex.clip_lifter import ClipConfig
from hps.rgb.lifting import Lifter
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.photograph import photograph
from hps.rgb.simulation.views import Views, draw_views
from humanrig.motions import motion_library
from scripts.rgb_studies.people import bodies_of, detector_errors

CLIPS, SECONDS, RATE_HZ = 4, 2.4, 25.0


def main(seed: int = 0) -> None:
    """Prints a Markdown table."""
    torch.set_num_threads(1)
    single = ConvexLifter()
    methods: Mapping[str, Lifter] = {
        "frame by frame": single,
        "clip": ConvexClipLifter(single),
        "clip, smoothness 2 and 4": ConvexClipLifter(single, ClipConfig(smooth_weights=2.0)),
    }
    clips = list(simulated_clips(seed))
    print("| | PA-MPJPE | MPJPE | error of second differences |\n|---|---|---|---|")
    for name, method in methods.items():
        rows = np.mean([errors(method, clip) for clip in clips], 0)
        print(f"| {name} | {rows[0]:.0f} mm | {rows[1]:.0f} mm | {rows[2]:.0f} mm a frame² |", flush=True)


def simulated_clips(seed: int) -> Iterator[LiftingBatch]:
    """A row a frame; the pelvis stays where it is."""
    library, bodies = motion_library(), bodies_of("validation")
    rng, g = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    for _ in range(CLIPS):
        clip = library.draw(rng, "validation", SECONDS, RATE_HZ, recipe="clip")
        turns = torch.tensor(clip.rotations, dtype=torch.float32)
        n = len(turns)
        who = torch.full((n,), int(rng.integers(len(bodies.names))))
        people = bodies.pose(who, axis_angle_to_matrix(turns), torch.zeros(n, dtype=torch.int64), g)
        one = draw_views(people.landmarks[:1], people.keypoints[:1], g)
        views = Views(**{name: getattr(one, name).expand(n, *getattr(one, name).shape[1:]) for name in VIEW})
        seen = detector_errors()(photograph(people, views, bodies, who=who), g)
        # the convex lifter asks for six keypoints
        yield seen.rows((seen.keypoints.confidence > 0).sum(1) >= 6)


VIEW = ("R_camera_world", "p_pelvis", "K", "size")


def errors(method: Lifter, clip: LiftingBatch) -> tuple[float, float, float]:
    """PA-MPJPE, MPJPE, and of second differences of the joints from the pelvis, millimetres."""
    truth = (clip.landmarks[:, :24] - clip.landmarks[:, :1]).double().numpy()
    said = method(clip.keypoints).relative[:, :24].double().numpy()
    shaken = np.linalg.norm(np.diff(said - truth, 2, axis=0), axis=-1).mean()
    return float(pa_mpjpe_mm(said, truth).mean()), float(mpjpe_mm(said, truth, root=0).mean()), 1000 * float(shaken)


if __name__ == "__main__":
    tyro.cli(main)
