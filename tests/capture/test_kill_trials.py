"""`kill -9` and lost power at random moments: `scripts/kill_trials.py` with few trials."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "kill_trials.py"


@pytest.mark.slow
def test_killed_takes_lose_at_most_two_seconds(tmp_path):
    command = [sys.executable, str(SCRIPT), "--trials", "6", "--devices", "2", "--folder", str(tmp_path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    trials = json.loads(done.stdout)
    assert {trial["kind"] for trial in trials} == {"kill", "sync", "zeros"}
    assert all(trial["lost_s"] < 2.0 for trial in trials)
    assert sum(trial["frames"] for trial in trials) > 100
