"""The accuracy table: several clips and bodies on the virtual rig, reconstructed and measured against the truth.

Usage: python scripts/measure_accuracy.py FOLDER [--clips walk kick dance_a] [--seeds 0 1 2] [--cameras 10] ...
Sessions are kept in FOLDER and not made again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import tyro

from capture.session import Session
from humanrig import pipeline
from humanrig.evaluation import evaluate_session
from humanrig.simulation import simulate_session


def main(
    folder: tyro.conf.Positional[Path],
    clips: tuple[str, ...] = ("walk", "kick", "dance_a"),
    seeds: tuple[int, ...] = (0, 1, 2),
    cameras: int = 10,
    seconds: float = 1.0,
    outfit: Literal["dressed", "casual", "minimal"] = "dressed",
    split: Literal["train", "validation", "test"] = "test",
    exact_model: bool = False,
) -> None:
    """Prints one Markdown row for each clip and body."""
    print("| clip | body (seed) | PVE mean / p95, mm | MPJPE mean / p95, mm | PA-MPJPE, mm | cloud to body, mm |")
    print("|---|---|---|---|---|---|")
    for clip in clips:
        for seed in seeds:
            session = folder / f"{clip}_{seed}_{cameras}_{outfit}{'_exact' if exact_model else f'_{split}'}"
            if not session.exists():
                options = {"clip": clip, "seed": seed, "cameras": cameras, "seconds": seconds}
                simulate_session(session, outfit=outfit, split=split, exact_model=exact_model, **options)
            pipeline.reconstruct(Session.open(session), pipeline.Request(until="register"))
            figures = evaluate_session(session)
            pve, mpjpe, surface = figures["pve_mm"], figures["mpjpe_mm"], figures["cloud_to_body_mm"]
            both = " | ".join(f"{v['mean']:.1f} / {v['p95']:.1f}" for v in (pve, mpjpe))
            aligned = figures["pa_mpjpe_mm"]["mean"]
            print(f"| {clip} | {seed} | {both} | {aligned:.1f} | {surface['mean']:.1f} |", flush=True)


if __name__ == "__main__":
    tyro.cli(main)
