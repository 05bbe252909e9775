"""`humanrig simulate`: a session of the virtual rig."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from humanrig.terminal import progress, say


def simulate(
    session: Positional[Path],
    cameras: int = 10,
    clip: str = "walk",
    seconds: float = 2.0,
    rate: Annotated[float, arg(metavar="HZ")] = 30.0,
    seed: int = 0,
    outfit: Literal["minimal", "casual"] = "casual",
    noise: bool = True,
    bias_mm: float = 1.0,
    workers: int | None = None,
) -> int:
    """Record a simulated person with simulated Azure Kinects, in the same session format as a real rig.

    What was really there (body parameters, clean depth, cameras) is kept in SESSION/truth; no reconstruction reads it.

    Args:
        session: Folder to create.
        cameras: Azure-Kinect-like devices on a ring, 1 to 10.
        clip: Motion clip: walk, run, jump, kick, punch, dance_a, cartwheel, … (fetched through the package index).
        seconds: Length of the take.
        rate: Frames a second.
        seed: Of the body, the clothes, the placement of the cameras and the noise.
        outfit: minimal: thin and tight; casual: clothes that stand off the body.
        noise: Sensor noise, mixed pixels and dropouts; --no-noise for perfect sensors.
        bias_mm: Standard deviation of each device's constant depth error.
        workers: Processes; default one for each processor.
    """
    from humanrig.simulation import simulate_session

    with progress("simulate") as update:
        simulate_session(
            session,
            cameras=cameras,
            clip=clip,
            seconds=seconds,
            rate_hz=rate,
            seed=seed,
            outfit=outfit,
            noise=noise,
            bias_mm=bias_mm,
            workers=workers,
            on_progress=update,
        )
    say(f"{session}\nnext: humanrig reconstruct {session}")
    return 0
