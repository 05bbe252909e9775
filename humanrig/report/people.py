"""The people of a session as the report shows them: their bodies, their detections and a line of figures each."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from capture.session import Session
from geometry.mesh import TriangleMesh
from humanrig.results import Results, people
from registration.shape.height import standing_height

COLORS = ((255, 150, 70), (80, 170, 255), (180, 110, 230), (90, 200, 120), (240, 110, 150))
"""RGB of person00, person01, …: far from skin, floor and most clothes; after the last, the first again."""


class ShownPerson:
    """One person; bodies are posed when they are asked for, and kept."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self._posed: dict[int, TriangleMesh] = {}

    @property
    def name(self) -> str:
        """person00, …"""
        return self.results.person

    @property
    def color(self) -> tuple[int, int, int]:
        """RGB."""
        return COLORS[self.results.number % len(COLORS)]

    @cached_property
    def flags(self) -> dict[int, str]:
        """Why an instant should not be trusted, where it should not."""
        return {i: f for i, f in zip(self.results.instants, self.results.body["flags"].tolist()) if f}

    def body(self, instant: int) -> TriangleMesh | None:
        """The fitted body; None at an instant without one."""
        if instant not in self._posed:
            if instant not in self.results.instants:
                return None
            row = self.results.instants.index(instant)
            posed = self.results.model.pose(self.results.parameters[row : row + 1])
            self._posed[instant] = TriangleMesh(vertices=posed.vertices[0], faces=self.results.model.faces)
        return self._posed[instant]

    def detections(self, stream: str, instant: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Pixels of the keypoints, and which the triangulation used; None where the stream was not searched."""
        keypoints = self.results.keypoints
        streams, instants = keypoints["streams"].tolist(), keypoints["instants"].tolist()
        if stream not in streams or instant not in instants:
            return None
        row, column = instants.index(instant), streams.index(stream)
        return keypoints["q"][row, column], keypoints["used"][row, column]

    def row(self) -> dict[str, Any]:
        """A line of the report's table of people."""
        body, model, p = self.results.body, self.results.model, self.results.parameters
        sigma = 1000 * body["joint_sigma"].astype(float) if "joint_sigma" in body else np.zeros(0)
        coverage = body["part_coverage"].astype(float) if "part_coverage" in body else np.zeros(0)
        return {
            "name": self.name,
            "color": "#{:02x}{:02x}{:02x}".format(*self.color),
            "frames": len(self.results.instants),
            "flagged": len(self.flags),
            "height": f"{100 * standing_height(model, p.betas, p.child):.1f} cm",
            "keypoints": _told(body["keypoint_px"], "px"),
            "surface": _told(body["surface_mm"], "mm"),
            "sigma": _told(sigma, "mm"),
            "coverage": "–" if not np.isfinite(coverage).any() else f"{np.nanmean(coverage):.0%}",
        }


def shown_people(session: Session) -> list[ShownPerson]:
    """Everybody who has a body. Raises HumanrigError when nobody has."""
    return [ShownPerson(Results(session, person)) for person in people(session)]


def _told(values: np.ndarray, unit: str) -> str:
    known = np.asarray(values)[np.isfinite(values)]
    return f"{np.median(known):.1f} {unit}" if len(known) else "–"
