"""Files of weights: what is written is read, and nothing that is not safetensors is opened."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from body.loading import load_body_model
from hps.errors import HpsError
from hps.points.weights_file import WeightsInfo, landmarks_sha256, read_weights, write_weights

BODY = load_body_model()
INFO = WeightsInfo(
    size="S",
    network={"points": 1024, "width": 128},
    body=BODY.name,
    body_sha256=BODY.sha256,
    landmarks_sha256=landmarks_sha256(BODY),
    training={"steps": 10, "data": ["one", "two"]},
)
TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(4, dtype=torch.float16)}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_weights(path, TENSORS, INFO)
    tensors, info = read_weights(path)
    assert info == INFO
    info.require(BODY, path)
    assert set(tensors) == set(TENSORS)
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)
    again = tmp_path / "again.safetensors"
    write_weights(again, TENSORS, INFO)
    assert again.read_bytes() == path.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.safetensors", "w.safetensors"]


class _Opened(Exception):
    pass


class _Trap:
    def __reduce__(self) -> tuple:
        return _trap, ()


def _trap() -> None:
    raise _Opened


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.pkl", "w.safetensors"])
def test_pickles_are_refused_by_name_and_by_content_and_are_never_opened(tmp_path: Path, name: str) -> None:
    plain, zipped = tmp_path / name, tmp_path / ("zip" + name)
    plain.write_bytes(pickle.dumps({"model": _Trap()}))
    torch.save({"model": _Trap()}, zipped)
    for path in (plain, zipped):
        with pytest.raises(HpsError, match="pickled checkpoint"):
            read_weights(path)


def test_damaged_and_foreign_files_are_refused_with_a_sentence(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    with pytest.raises(HpsError, match="no weights at"):
        read_weights(tmp_path / "none.safetensors")
    whole = tmp_path / "w.safetensors"
    write_weights(whole, TENSORS, INFO)
    content = whole.read_bytes()
    for n, damaged in enumerate(
        (b"", content[:7], content[:100], content[:-5], b"\xff" * 64, b"ply\nformat ascii 1.0")
    ):
        path = tmp_path / f"{n}.safetensors"
        path.write_bytes(damaged)
        with pytest.raises(HpsError, match="not a whole"):
            read_weights(path)
    foreign = tmp_path / "foreign.safetensors"
    save_file(TENSORS, foreign)
    with pytest.raises(HpsError, match="does not say what its weights are of"):
        read_weights(foreign)
    for text, said in (("{", "damaged"), ("[]", "damaged"), (json.dumps({"format": 9}), "format 9")):
        save_file(TENSORS, foreign, metadata={"humanrig": text})
        with pytest.raises(HpsError, match=said):
            read_weights(foreign)


def test_weights_of_another_body_or_of_other_landmarks_are_refused() -> None:
    with pytest.raises(HpsError, match="trained for the body model"):
        replace(INFO, body_sha256="0" * 64).require(BODY, "w.safetensors")
    with pytest.raises(HpsError, match="other landmarks"):
        replace(INFO, landmarks_sha256="0" * 64).require(BODY, "w.safetensors")
