"""Weights of networks, and descriptions of networks of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from fuzzing.importer import Importer
from fuzzing.importers import of_tests


def _weights(folder: Path) -> None:
    import dataclasses

    import torch
    from safetensors.torch import save

    from hps.points.weights_file import FORMAT, KEY, WeightsInfo

    values = {f.name: {} if "dict" in str(f.type).lower() else "x" for f in dataclasses.fields(WeightsInfo)}
    tensors = {"layer.weight": torch.zeros(4, 3), "layer.bias": torch.zeros(4)}
    text = json.dumps({"format": FORMAT, **values})
    (folder / "S.safetensors").write_bytes(save(tensors, metadata={KEY: text}))


def _read_weights(path: Path, to: Path) -> None:
    from hps.points.weights_file import read_weights

    read_weights(path)


def _onnx(folder: Path) -> None:
    heatmaps = of_tests("onnx_files").heatmaps

    (folder / "net").mkdir()
    (folder / "net" / "d.onnx").write_bytes(heatmaps(joints=3, width=8, height=8, stride=4, size=(8, 8)))
    (folder / "net" / "d.toml").write_text('keypoints = "coco"\nmin_score = 0.3\nmean = [0.5, 0.5, 0.5]\n')


def _read_onnx(path: Path, to: Path) -> None:
    from registration.keypoints.onnx_description import read_description
    from registration.keypoints.onnx_header import read_header

    read_header(path / "d.onnx")
    read_description(path / "d.toml")


IMPORTERS: Final = (
    Importer(name="weights", reads="weights (safetensors)", read=_read_weights, seeds=_weights),
    Importer(name="onnx", reads="detectors of others: .onnx header and .toml", read=_read_onnx, seeds=_onnx),
)
