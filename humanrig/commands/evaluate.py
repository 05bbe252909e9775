"""`humanrig evaluate`: how good a reconstruction is, in pixels and millimetres."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional

from humanrig.terminal import print_json


def evaluate(session: Positional[Path], json: bool = False) -> int:
    """Measure the body against the truth of a simulated session, else against detections and clouds.

    The keys of the JSON are documented in docs/evaluation.md and stay fixed. A measure that the session cannot give
    is null: no truth, no clouds, or no held-out camera.

    Args:
        session: The session's folder; `humanrig reconstruct` must have run.
        json: Print every figure as JSON.
    """
    from humanrig.evaluation import evaluate_session, sentences

    figures = evaluate_session(session)
    if json:
        print_json(figures)
    else:
        for line in sentences(figures):
            print(line)
    return 0
