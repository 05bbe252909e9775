"""Khronos' validator of glTF, for the tests of exported models."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    """Runs it on a file; skips the test where node or the validator is not installed."""
    if not shutil.which("node"):
        pytest.skip("needs node to run the glTF validator")
    places = [os.environ.get("HUMANRIG_GLTF_VALIDATOR"), REPOSITORY / "build" / "gltf", REPOSITORY]
    folder = next((Path(p) for p in places if p and (Path(p) / "node_modules" / "gltf-validator").is_dir()), None)
    if folder is None:
        pytest.skip("needs the npm package gltf-validator: make gltf-validator, or HUMANRIG_GLTF_VALIDATOR=FOLDER")
    return subprocess.run(
        ["node", REPOSITORY / "scripts" / "validate_gltf.mjs", path],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "HUMANRIG_GLTF_VALIDATOR": str(folder)},
    )
