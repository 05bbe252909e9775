"""`humanrig report`: the pages that show a reconstruction."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional

from humanrig.commands.reconstruct import reconstruct


def report(session: Positional[Path]) -> int:
    """Write SESSION/report/index.html again: overlays on every camera, residual plots, a 3D view without a server.

    Args:
        session: The session's folder; the stages up to texture must have run.
    """
    return reconstruct((str(session),), only="report")
