from __future__ import annotations

import numpy as np

from geometry.npz_files import DAMAGED


def test_every_damage_is_one_of_the_named_errors(tmp_path):
    """Bytes changed anywhere, and files cut anywhere: whatever numpy makes of it is named, decompressor's too."""
    rng = np.random.default_rng(0)
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=rng.integers(0, 9, 300), b=np.array(["x", "why"]), c=rng.standard_normal((4, 3)))
    whole = path.read_bytes()
    damaged = [whole[:n] for n in range(0, len(whole), 40)]
    for at in range(0, len(whole), 3):
        damaged.append(whole[:at] + rng.bytes(5) + whole[at + 5 :])
    kinds = set()
    for data in damaged:
        path.write_bytes(data)
        try:
            with np.load(path, allow_pickle=False) as file:
                _ = [file[name] for name in ("a", "b", "c")]
        except DAMAGED as error:
            kinds.add(type(error).__name__)
    assert {"BadZipFile", "error"} <= kinds  # zlib.error is called `error`
