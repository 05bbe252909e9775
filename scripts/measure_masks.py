"""How well the masks of simulated takes agree with the truth: `python scripts/measure_masks.py TAKE ... [--every 3]`.

Run `humanrig reconstruct TAKE --until masks` first. Prints a Markdown table: for each take and kind of image the mean
and worst intersection over union of a person's pixels, the mean recall and precision, and the boundary F-measure: how
much of the mask's edge lies within 1 pixel (depth) or 2 (colour) of the true edge, and the other way round. Depth
images are judged where they hold depth; images in which a person fills fewer than 500 pixels are left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from capture.session import Session
from capture.virtual.truth import Truth
from registration.masks.files import mask_path, read_people

TOLERANCE_PX = {"depth": 1.0, "color": 2.0}
FEWEST_PX = 500


def scores(found: np.ndarray, true: np.ndarray, tolerance_px: float) -> list[float]:
    """Intersection over union, recall, precision and boundary F-measure of two masks."""
    both = (found & true).sum()
    measures = [both / (found | true).sum(), both / true.sum(), both / max(found.sum(), 1)]
    edges = [mask & ~cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) for mask in (found, true)]
    if not edges[0].any():
        return [*measures, 0.0]
    away = [cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 5) for edge in edges]
    near = [(away[1][edges[0]] <= tolerance_px).mean(), (away[0][edges[1]] <= tolerance_px).mean()]
    return [*measures, float(2 * near[0] * near[1] / max(sum(near), 1e-9))]


def measure(folder: Path, kind: str, every: int) -> list[list[float]]:
    """The scores of each image and person, whoever the masks number so."""
    session, rows = Session.open(folder), []
    truth = Truth.open(session)
    for stream in session.of_kind(kind):
        for instant in session.instants()[::every]:
            path = mask_path(session.path("masks"), stream, instant.instant)
            if not path.is_file():
                continue
            whose, true = read_people(path), truth.mask(stream, instant.instant)
            valid = np.ones(true.shape, bool)
            if kind == "depth":
                valid = np.isfinite(session.frame(stream, instant.index[stream]).payload)
            for person in range(len(truth.people)):
                real = (true == person + 1) & valid
                if real.sum() < FEWEST_PX:
                    continue
                numbers, pixels = np.unique(whose[real & (whose >= 0)], return_counts=True)
                number = numbers[pixels.argmax()] if len(numbers) else 0
                rows.append(scores((whose == number) & valid, real, TOLERANCE_PX[kind]))
    return rows


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("takes", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=3, help="look at every so many instants")
    options = parser.parse_args()
    print("| take | images | IoU mean | worst | recall | precision | boundary F |\n|---|---|---|---|---|---|---|")
    for folder in options.takes:
        for kind in TOLERANCE_PX:
            rows = np.array(measure(folder, kind, options.every))
            if len(rows):
                iou, recall, precision, boundary = rows.mean(0)
                print(
                    f"| {folder.name} | {kind} {len(rows)} | {iou:.3f} | {rows[:, 0].min():.3f} | {recall:.3f} | "
                    f"{precision:.3f} | {boundary:.3f} |"
                )


if __name__ == "__main__":
    main()
