"""Make body/data/body_bank.npz from Anny: pip install -e '.[build]', then python scripts/build_body_bank.py."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"  # sums in one order, so that two builds agree bit for bit

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))

import torch  # noqa: E402
from body_bank.packing import pack  # noqa: E402
from body_bank.plausible import plausible_people  # noqa: E402
from body_bank.report import report  # noqa: E402
from open_body.anny_source import AnnySource  # noqa: E402

from body.bank import BODY_BANK, load_body_bank  # noqa: E402
from body.bank_file import write_bank  # noqa: E402
from body.loading import OPEN_BODY, read_body_model  # noqa: E402

SEED = 11


def main() -> None:
    """Build, write, say what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=BODY_BANK)
    parser.add_argument("--report", action="store_true", help="measure the bank as docs/body_bank.md shows")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    model = read_body_model(OPEN_BODY)
    source = AnnySource()
    subjects, skins = plausible_people(source, model, SEED)
    write_bank(pack(subjects, skins, model), arguments.output)
    content = arguments.output.read_bytes()
    print(f"{arguments.output}: {len(skins)} bodies, {len(content) / 1e6:.2f} MB, "
          f"sha256 {hashlib.sha256(content).hexdigest()}, {time.perf_counter() - started:.0f} s")  # fmt: skip
    if arguments.report:
        print("\n".join(report(load_body_bank(model, arguments.output), skins)))


if __name__ == "__main__":
    main()
