"""What a node says that has other code than the program, or none."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from humanrig.executors import same_code
from humanrig.executors.ray_work import Board, work_function
from humanrig.executors.same_code import difference, identity


@pytest.fixture
def on_a_node(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What `work` does on a node of a Ray that is played."""
    context = SimpleNamespace(get_node_id=lambda: "node 7")
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get_runtime_context=lambda: context))
    return lambda like: work_function()(like, "", {}, "", None)


def test_the_same_code_differs_in_nothing(on_a_node: Any) -> None:
    assert difference(identity(), identity()) == ""
    assert on_a_node(identity())["unfit"] == ""


def test_what_differs_is_named_with_both_values(on_a_node: Any) -> None:
    like = {**identity(), "numpy": "9.9", "torch": "0.1"}
    unfit = on_a_node(like)["unfit"]
    assert f"numpy is {identity()['numpy']} there and 9.9 here" in unfit
    assert "torch is" in unfit
    assert "scipy" not in unfit


def test_a_node_without_humanrig_says_so(on_a_node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    like = identity()
    monkeypatch.setitem(sys.modules, "humanrig.executors.same_code", None)
    found = on_a_node(like)
    assert "no humanrig that can be used" in found["unfit"]
    assert found["node"] == "node 7"


def test_a_changed_source_is_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "played_package").mkdir()
    source = tmp_path / "played_package" / "__init__.py"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(same_code, "PACKAGES", ("played_package",))
    codes = []
    for text in ("x = 1\n", "x = 2\n", "x = 1\n"):
        source.write_text(text)
        (tmp_path / "played_package" / "__pycache__").mkdir(exist_ok=True)
        (tmp_path / "played_package" / "__pycache__" / f"{len(codes)}.nbi").touch()  # left by compilers
        codes.append(same_code._code())
    assert codes[0] == codes[2] != codes[1]


def test_the_board_tells_each_piece_of_news_once() -> None:
    board = Board()
    board.started("1", "pc/7")
    board.progressed("1", 1, 3)
    board.progressed("1", 2, 3)
    board.leaves("2", "no memory")
    assert board.take() == {"1": {"worker": "pc/7", "progress": (2, 3)}, "2": {"leaves": "no memory"}}
    assert board.take() == {}
