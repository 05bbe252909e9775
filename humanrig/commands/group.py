"""Commands with a word of their own in front, such as `humanrig rig init` and `humanrig rig check`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Union

import tyro


def group(description: str, commands: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    """One command that takes the name of another; at least two. `description` is what --help shows of it."""
    choices = tuple(
        Annotated[Any, tyro.conf.subcommand(name=name, constructor=command)] for name, command in commands.items()
    )

    def run(command: Any) -> Any:
        return command  # tyro has called it by now

    annotations = {"command": Annotated[Union[choices], tyro.conf.arg(name="")], "return": Any}  # noqa: UP007
    for function in (run, inspect.unwrap(run)):  # run-time checks of shapes may have wrapped it
        function.__doc__, function.__annotations__ = description, annotations
    return run
