"""A used-up memory ends in a sentence, whichever library found out; anything else unexpected stays a traceback."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from humanrig import cli
from humanrig.out_of_memory import is_out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] . DefaultCPUAllocator: can't allocate memory: you tried to"),
        cv2.error("OpenCV(4.13.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 80000000 bytes"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    ],
)
def test_memory_of_every_library_is_a_sentence(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> int:
        raise error

    assert is_out_of_memory(error)
    monkeypatch.setattr(cli, "COMMANDS", {"a": command, "b": command})
    assert cli.main(["a"]) == 1
    said = capsys.readouterr().err
    assert "not enough memory" in " ".join(said.split())
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), ValueError("unable to allocate a name"), KeyError("k")]
)
def test_other_errors_are_not_taken_for_it(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def command() -> int:
        raise error

    monkeypatch.setattr(cli, "COMMANDS", {"a": command, "b": command})
    with pytest.raises(type(error)):
        cli.main(["a"])


def test_real_refusals_are_recognised() -> None:
    with pytest.raises(MemoryError) as refused:
        np.empty(1 << 60, np.uint8)
    assert is_out_of_memory(refused.value)
    import torch

    with pytest.raises(RuntimeError) as by_torch:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(by_torch.value)
