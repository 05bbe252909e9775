"""shape/person00.npz: a person's shape as it was found from a scan or from a take of standing still."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from body.model import BodyModel
from geometry.npz_files import DAMAGED, read_npz
from registration.errors import RegistrationError
from registration.shape.estimate import ShapeEstimate

FOLDER, FILE = "shape", "person00.npz"
_BY_NAME = ("residual_mm", "coverage", "margin_mm")


def write_shape(estimate: ShapeEstimate, model: BodyModel, path: Path) -> None:
    """Writes the file; the fitted bodies themselves are not kept."""
    tables = {}
    for field in _BY_NAME:
        values: dict[str, float] = getattr(estimate, field)
        tables[f"{field}_names"] = np.array(list(values), np.str_)
        tables[field] = np.array(list(values.values()), np.float64)
    np.savez_compressed(
        path,
        betas=estimate.betas,
        child=np.float64(estimate.child),
        covariance=estimate.covariance,
        height_m=np.float64(estimate.height_m),
        height_sigma_m=np.float64(estimate.height_sigma_m),
        sources=np.array(estimate.sources, np.str_),
        warnings=np.array(estimate.warnings, np.str_),
        notes=np.array(estimate.notes, np.str_),
        model=np.str_(model.name),
        model_sha256=np.str_(model.sha256),
        **tables,
    )


def read_shape(path: Path, model: BodyModel) -> ShapeEstimate:
    """The shape of a file. Raises RegistrationError for a missing or damaged one, and for another body model's."""
    try:
        a = read_npz(path)
        sha256, name = str(a["model_sha256"]), str(a["model"])
        estimate = ShapeEstimate(
            betas=a["betas"],
            child=float(a["child"]),
            covariance=a["covariance"],
            height_m=float(a["height_m"]),
            height_sigma_m=float(a["height_sigma_m"]),
            sources=tuple(a["sources"].tolist()),
            warnings=tuple(a["warnings"].tolist()),
            notes=tuple(a["notes"].tolist()),
            residual_mm=_table(a, "residual_mm"),
            coverage=_table(a, "coverage"),
            margin_mm=_table(a, "margin_mm"),
        )
    except FileNotFoundError:
        raise RegistrationError(
            f"{path} is missing; estimate the shape again: humanrig register SESSION --shape-from"
        ) from None
    except DAMAGED as error:
        raise RegistrationError(f"{path} is not a shape ({error}); delete it and estimate the shape again") from None
    if sha256 != model.sha256:
        raise RegistrationError(
            f"{path} is a shape of body model '{name}', not of '{model.name}'; estimate it again with this model, "
            "or set HUMANRIG_BODY_MODEL to the other"
        )
    return estimate


def _table(arrays: dict[str, np.ndarray], field: str) -> dict[str, float]:
    return dict(zip(arrays[f"{field}_names"].tolist(), arrays[field].tolist(), strict=True))
