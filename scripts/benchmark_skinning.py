"""Time of skinning on one thread, beside the smplx package: the table of docs/body.md."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import smplx
import torch
from smplx.utils import Struct

from body.loading import load_body_model
from body.skinning import Skinning
from body.writing import smpl_arrays


def main() -> None:
    """Print one row for each batch size."""
    torch.set_num_threads(1)
    model = load_body_model()
    ours = Skinning(model)
    data = Struct(**(smpl_arrays(model) | {"shapedirs": model.shapedirs[..., :10]}))
    theirs = smplx.SMPL("", data_struct=data, vertex_ids=model.keypoint_vertices, create_transl=False)
    for frames, repeats in ((1, 50), (32, 15), (256, 5)):
        betas, transl = torch.randn(frames, 10), torch.zeros(frames, 3)
        rotations = (0.3 * torch.randn(frames, 24, 3)).requires_grad_()

        def skin(betas=betas, rotations=rotations, transl=transl) -> torch.Tensor:
            return ours.pose(betas, rotations, transl)[0]

        def skin_smplx(betas=betas, rotations=rotations, transl=transl) -> torch.Tensor:
            pose = rotations[:, 1:].flatten(1)
            return theirs(betas=betas, global_orient=rotations[:, 0], body_pose=pose, transl=transl).vertices

        times = [f(call, repeats) for call in (skin, skin_smplx) for f in (forward_ms, both_ms)]
        print(f"| {frames} | " + " | ".join(f"{t:.1f}" for t in times) + " |")


def forward_ms(call: Callable[[], torch.Tensor], repeats: int) -> float:
    """Without a graph."""
    with torch.no_grad():
        return _median_ms(call, repeats)


def both_ms(call: Callable[[], torch.Tensor], repeats: int) -> float:
    """Forward and backward."""
    return _median_ms(lambda: call().sum().backward(), repeats)


def _median_ms(call: Callable[[], object], repeats: int) -> float:
    call()
    times = []
    for _ in range(repeats):
        started = time.thread_time()
        call()
        times.append(time.thread_time() - started)
    return float(np.median(times) * 1e3)


if __name__ == "__main__":
    main()
