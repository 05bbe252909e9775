"""A few of the trials of scripts/stage_kill_trials.py: stages that are killed, or refused the disk, and run again."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.faults.stage_trial import fingerprints
from scripts.stage_kill_trials import disturbed, prepared

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session whose stages up to `clouds` nobody disturbed."""
    return prepared(tmp_path_factory.mktemp("trials") / "reference", "clouds")


@pytest.mark.parametrize(
    ("stage", "kind"),
    [("masks", "change"), ("clouds", "program"), ("clouds", "worker"), ("clouds", "size"), ("sync", "readonly")],
)
def test_the_same_command_ends_as_if_nothing_had_been(reference: Path, tmp_path: Path, stage: str, kind: str) -> None:
    expected = fingerprints(reference)
    assert any(name.startswith("clouds/") for name in expected)
    rng = np.random.default_rng(len(stage) + len(kind))
    done = disturbed(reference, tmp_path / "killed", stage, kind, expected, {}, rng)
    assert done.problem == ""
    assert not done.late
