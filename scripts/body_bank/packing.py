"""Subjects and their skins as the arrays of the bank's file."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from open_body.shape_space import fit_shape

from body.bank import SPLITS
from body.bank_codes import encode
from body.bank_file import BankFile
from body.model import BodyModel
from body_bank.drawing import Subjects

KILOGRAMS_PER_CUBIC_METRE = 1000.0


def pack(subjects: Subjects, skins: Float[np.ndarray, "subjects vertices 3"], model: BodyModel) -> BankFile:
    """Each skin as its fit with all betas and the child axis, and what is left of it in whole steps."""
    assert model.child_direction is not None
    directions = np.concatenate([model.shapedirs, model.child_direction[..., None]], 2)
    coefficients = fit_shape(skins, model.v_template, directions)[0].astype(np.float32).astype(np.float64)
    residuals = skins - np.stack([model.shaped(c[:-1], c[-1]) for c in coefficients])
    return BankFile(
        body_sha256=model.sha256,
        female=subjects.female,
        age_years=subjects.age_years.astype(np.float32),
        height_m=np.ptp(skins[..., 1], axis=1).astype(np.float32),
        mass_kg=np.array([KILOGRAMS_PER_CUBIC_METRE * model.mesh(s).volume() for s in skins], np.float32),
        phenotypes=np.stack([subjects.phenotypes[k] for k in ("weight", "muscle", "proportions")], 1).astype(
            np.float32
        ),
        split=np.array([SPLITS.index(word) for word in subjects.split], np.uint8),
        coefficients=coefficients,
        planes=encode(residuals, model.faces),
    )
