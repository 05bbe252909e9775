"""The body on which motions are made before it is known who does them."""

from __future__ import annotations

import functools

from body.loading import OPEN_BODY, read_body_model
from body.model import BodyModel


@functools.cache
def mean_body() -> BodyModel:
    """The open body at its mean shape, read once."""
    return read_body_model(OPEN_BODY)
