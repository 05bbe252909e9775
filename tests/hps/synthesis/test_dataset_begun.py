from __future__ import annotations

from dataclasses import replace

import pytest

from body.errors import BodyError
from body.loading import load_body_model
from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.production.dataset_file import DatasetInfo


def test_a_body_model_that_cannot_be_dressed_is_refused_before_anything_is_drawn():
    bare = replace(load_body_model(), name="SMPL_NEUTRAL.pkl", uv=None, uv_faces=None)
    with pytest.raises(HpsError, match=r"'SMPL_NEUTRAL.pkl' has no texture coordinates.*unset HUMANRIG_BODY_MODEL"):
        DatasetInfo.of(SynthesisConfig(bodies="model"), bare)


def test_the_bank_s_people_are_of_the_open_body_alone():
    other = replace(load_body_model(), sha256="0" * 64)
    with pytest.raises(BodyError, match="made for the open body"):
        DatasetInfo.of(SynthesisConfig(bodies="bank"), other)
    assert DatasetInfo.of(SynthesisConfig(bodies="model"), other).model_sha256 == other.sha256
