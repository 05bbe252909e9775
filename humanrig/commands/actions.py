"""`humanrig actions`: the catalogue of what people do before the rig."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from humanrig.commands.catalogue_folder import catalogue_folder
from humanrig.commands.group import group
from humanrig.terminal import print_json, say

if TYPE_CHECKING:
    from capture.catalogue.actions import Action

Folder = Annotated[Path | None, arg(metavar="FOLDER")]


def list_(catalogue: Folder = None, json: bool = False) -> int:
    """List all actions: number, name, length.

    Args:
        catalogue: Folder of actions.toml; by default the one that rig.toml here names, else ./catalogue.
        json: Print the actions as JSON.
    """
    from dataclasses import asdict

    from capture.catalogue.actions import read_actions
    from capture.catalogue.built_in_actions import BUILT_IN

    actions = read_actions(catalogue_folder(catalogue), BUILT_IN)
    if json:
        print_json({"actions": [asdict(action) for action in actions.values()]})
        return 0
    for action in actions.values():
        seconds = "" if action.seconds is None else f"{action.seconds:g} s"
        print(f"{action.id:>6}  {action.name:<32} {seconds:>6}  {action.limbs.all}")
    return 0


def show(action: Annotated[Positional[str], arg(metavar="ACTION")], catalogue: Folder = None) -> int:
    """Show one action: what each part of the body does, and what is read aloud before the take.

    Args:
        action: Its number or name.
        catalogue: Folder of actions.toml.
    """
    from capture.catalogue.actions import find_action, read_actions
    from capture.catalogue.built_in_actions import BUILT_IN

    found = find_action(read_actions(catalogue_folder(catalogue), BUILT_IN), action)
    for line in instructions(found):
        print(line)
    return 0


def instructions(action: Action) -> list[str]:
    """The action as an operator reads it."""
    lines = [f"{action.name} (ID={action.id})" + (f", {action.seconds:g} s" if action.seconds else "")]
    lines += [f"  {part:<10} {text}" for part, text in action.limbs.said()]
    lines += [f"  {'say:' if n == 0 else '':<10} {text}" for n, text in enumerate(action.prompts)]
    return lines


def import_(
    source: Annotated[Positional[Path], arg(metavar="FILE")], catalogue: Folder = None, replace: bool = False
) -> int:
    """Add the actions of a CSV or TOML file to the catalogue.

    The columns of a CSV, and the keys of [[actions]] in TOML, are: id, name, all, head, stem, left_arm, right_arm,
    left_leg, right_leg, pelvis, prompts (separated by |), seconds. An action with the number of a built-in one replaces
    it. When anything in the file is wrong, nothing is added.

    Args:
        source: The file.
        catalogue: Folder of actions.toml; it is made where it does not exist.
        replace: Let the file win where the catalogue has the same number with other words.
    """
    from capture.catalogue.action_import import import_actions

    folder = catalogue_folder(catalogue)
    added = import_actions(source, folder, replace=replace)
    say(f"{len(added)} {'action' if len(added) == 1 else 'actions'} in {folder}; see humanrig actions list")
    return 0


actions = group(
    """List, show and import actions: what a person does in a take, described limb by limb, and what is said before it.
    """,
    {"list": list_, "show": show, "import": import_},
)
