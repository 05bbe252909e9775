"""A folder of predictions: what a finished run leaves, and what a method that ran elsewhere brings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from hps.benchmark.points.runner.prediction_table import PredictionTable
from hps.benchmark.prediction import Prediction
from hps.errors import HpsError


class PredictionFolder:
    """Predictions by the key of their cloud, out of every .npz of a folder."""

    def __init__(self, folder: Path | str) -> None:
        """Reads all files. Raises HpsError without predictions, for damaged files, and for keys that come twice."""
        self.folder = Path(folder)
        files = sorted(path for path in self.folder.glob("*.npz") if not path.name.startswith("."))
        if not files:
            state = "has no .npz files" if self.folder.is_dir() else "does not exist"
            raise HpsError(f"the folder of predictions {folder} {state}; docs/point_benchmark.md says what goes in")
        digest = hashlib.sha256()
        self._place: dict[str, tuple[PredictionTable, int]] = {}
        for path in files:
            table, _ = PredictionTable.read(path)
            digest.update(path.read_bytes())
            for row, key in enumerate(table.keys):
                if key in self._place:
                    raise HpsError(f"{path}: the cloud '{key}' has a prediction already; leave one of the two out")
                self._place[key] = table, row
        self.digest = digest.hexdigest()

    def __len__(self) -> int:
        """Number of clouds with a row."""
        return len(self._place)

    def answers(self, keys: Sequence[str]) -> list[Prediction]:
        """In the order of the keys; a cloud that the folder does not know is refused."""
        return [self._answer(key) for key in keys]

    def _answer(self, key: str) -> Prediction:
        if key not in self._place:
            return Prediction(refused="the folder of predictions has none for this cloud")
        table, row = self._place[key]
        return table[row]
