"""Asks every node of a Ray cluster what code it has, before anything is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from humanrig.errors import HumanrigError
from humanrig.executors.ray_nodes import Node

CHECK_S: Final = 120.0
"""So long a node may take to say what code it has: its first process loads our libraries."""


def check_nodes(ray: Any, work: Any, like: Mapping[str, str], nodes: Sequence[Node]) -> None:
    """Raises HumanrigError when a node has other code, or does not answer, or none could work.

    work: `ray_work.work_function`, for Ray. like: `same_code.identity` of this program.
    """
    asked = {_ask(work, like, node): node for node in nodes if node.cpus >= 1}
    if not asked:
        raise HumanrigError(
            "the Ray cluster has no processor for tasks; on a machine that shall work run "
            "`ray start --address=HEAD:6379`"
        )
    for ref, node in asked.items():
        try:
            unfit = ray.get(ref, timeout=CHECK_S)["unfit"]
        except ray.exceptions.TaskUnschedulableError:
            continue  # it was just lost, and the cluster does not list it so yet
        except ray.exceptions.RayError as error:
            unfit = f"it does not answer ({type(error).__name__})"
        if unfit:
            raise HumanrigError(
                f"node {node.host} of the Ray cluster cannot be used: {unfit}; install the same humanrig and "
                "libraries on every node, or leave the node out"
            )


def at_node(node: str, *, soft: bool) -> Any:
    """Ray's word for: on that node; soft: elsewhere while it is busy or when it is gone."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=soft, _spill_on_unavailable=soft)


def _ask(work: Any, like: Mapping[str, str], node: Node) -> Any:
    options = {"num_cpus": 0, "max_retries": 1, "scheduling_strategy": at_node(node.id, soft=False)}
    return work.options(**options).remote(dict(like), "", {}, "", None)
