"""Make body/data/open_body.npz from Anny: pip install -e '.[build]', then python scripts/build_open_body.py."""

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
from open_body.anny_source import AnnySource  # noqa: E402
from open_body.build import build_open_body  # noqa: E402
from open_body.report import report  # noqa: E402

from body.writing import write_arrays  # noqa: E402
from humanrig.wheel_assets import deepmimic_clips  # noqa: E402


def main() -> None:
    """Build, write, say what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=_ROOT / "body" / "data" / "open_body.npz")
    parser.add_argument("--report", action="store_true", help="measure the body as docs/body.md shows (another minute)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    print("loading Anny; its first start takes 40 s and fills ANNY_CACHE_DIR (~/.cache/anny) with 0.8 GB")
    clips = deepmimic_clips()
    made = build_open_body(AnnySource(), clips)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    write_arrays(made.arrays(), arguments.output)
    content = arguments.output.read_bytes()
    print(f"{arguments.output}: {len(made.weights)} vertices, {len(content) / 1e6:.2f} MB, "
          f"sha256 {hashlib.sha256(content).hexdigest()}, {time.perf_counter() - started:.0f} s")  # fmt: skip
    if arguments.report:
        for quantity, value in report(made, clips):
            print(f"| {quantity} | {value} |")


if __name__ == "__main__":
    main()
