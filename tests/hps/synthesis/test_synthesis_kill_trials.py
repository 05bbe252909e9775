"""A few of the kill trials of scripts/synthesis_kill_trials.py, on passes that write a few bytes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from stub_passes import STUBS, stub_info, stub_table

from hps.synthesis.production.produce import produce

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from scripts.synthesis_kill_trials import KINDS, state, trial

PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from stub_passes import STUBS, stub_info, stub_table
from humanrig.commands.synthesize import ending_like_an_interrupt
from hps.synthesis.production.produce import produce
from humanrig.synthesis.left_over import clear_left_over
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    try:
        with ending_like_an_interrupt():
            clear_left_over(folder)
            table = stub_table(folder, scenes=40)
            (folder / "trouble").mkdir(exist_ok=True)
            (folder / "trouble" / "slow").touch()
            produce(folder, table, stub_info(), factory=STUBS, workers=2)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.slow
def test_runs_that_were_killed_end_with_the_same_bytes(tmp_path):
    unbroken = tmp_path / "unbroken"
    produce(unbroken, stub_table(unbroken, scenes=40), stub_info(), factory=STUBS, workers=0)
    expected = state(unbroken)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(tests=str(Path(__file__).parent)))
    rng = np.random.default_rng(0)
    found = []
    for number, kind in enumerate(k for k in KINDS if k != "int"):  # as `term`, and tested by itself
        folder = tmp_path / f"set{number}"
        command = [sys.executable, str(program), str(folder)]
        found.append(trial(command, folder, kind, float(rng.uniform(1.0, 3.0)), expected, rng))
    assert [t for t in found if t.problem] == []
