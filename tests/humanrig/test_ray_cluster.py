"""A cluster of two Ray nodes: a lost node costs its tasks and no more, and other code is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs the extra [cluster]")

from small_rig import small_session
from two_ray_nodes import RAY, RayNodes

from body.loading import find_body_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayNodes]:
    """The head; each test lets join what it needs and loses it."""
    nodes = RayNodes(tmp_path_factory.mktemp("ray"))
    yield nodes
    nodes.close()


def test_a_lost_node_costs_its_task_which_is_done_elsewhere_when_it_is_given_again(
    nodes: RayNodes, tmp_path: Path
) -> None:
    node = nodes.join()
    found = nodes.drive("ray_drivers:lose_a_node", node=node.pid, folder=str(tmp_path))
    assert found["before"] == 2
    assert found["met"] == [True, True]
    assert found["on_node"] == [found["lost"]]
    assert found["died"]
    assert found["fine"] == ["left", "right"]
    assert found["after"] == 1


def test_a_batch_that_loses_a_node_makes_what_one_machine_makes(nodes: RayNodes, tmp_path: Path) -> None:
    for take in range(4):
        small_session(tmp_path / "alone" / f"take{take}", devices=3, frames=60)
    shutil.copytree(tmp_path / "alone", tmp_path / "shared")
    alone = nodes.drive("ray_drivers:batch", address=None, folder=str(tmp_path / "alone"), node=None)
    node = nodes.join()
    shared = nodes.drive("ray_drivers:batch", folder=str(tmp_path / "shared"), node=node.pid)
    assert shared["errors"] == []
    assert shared["states"] == alone["states"] == ["done"] * 4
    assert len(shared["lost"]) == 1
    assert len(shared["deaths"]) == 1, shared["deaths"]
    assert shared["outputs"] == alone["outputs"]
    assert len(shared["outputs"]) == 8


def test_a_task_that_only_a_lost_node_could_do_ends_with_a_sentence(nodes: RayNodes) -> None:
    node = nodes.join(None, "--num-gpus=1")
    said = nodes.drive("ray_drivers:wait_in_vain", node=node.pid)
    assert "large: no machine of the cluster could do it for 3 s (the machines that could were lost)" in said


def test_a_node_with_another_body_is_refused_before_anything_is_done(nodes: RayNodes, tmp_path: Path) -> None:
    node = nodes.join({"HUMANRIG_BODY_MODEL": str(_other_body(tmp_path))})
    said = nodes.drive("ray_drivers:refused")
    nodes.lose(node)
    assert "of the Ray cluster cannot be used: " in said
    assert "the body model is" in said


def test_a_node_with_another_body_that_joins_later_gets_nothing(nodes: RayNodes, tmp_path: Path) -> None:
    command = [str(RAY), "start", "--block", "--num-cpus=1", f"--address={nodes.address}"]
    found = nodes.drive(
        "ray_drivers:join_late",
        command=command,
        variables={"HUMANRIG_BODY_MODEL": str(_other_body(tmp_path))},
        log=str(tmp_path / "late.log"),
    )
    assert found["fine"] == 6
    assert found["nodes"] == [False]
    (remark,) = found["remarks"]
    assert "is not used: " in remark
    assert "the body model is" in remark


def test_a_wrong_token_is_a_sentence(nodes: RayNodes) -> None:
    right = nodes.environment["RAY_AUTH_TOKEN"]
    nodes.environment["RAY_AUTH_TOKEN"] = "0" * 64
    try:
        assert "the cluster wants another token" in nodes.drive("ray_drivers:refused")
    finally:
        nodes.environment["RAY_AUTH_TOKEN"] = right


def _other_body(folder: Path) -> Path:
    """A body model with other bytes, as a machine has that was installed at another time."""
    used = find_body_model().used
    assert used is not None
    other = folder / "other.npz"
    other.write_bytes(used.read_bytes() + b"\0")
    return other
