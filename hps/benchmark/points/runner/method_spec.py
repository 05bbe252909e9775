"""How a method that takes part is named: a shipped one, a function of another package, or a folder of predictions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from hps.errors import HpsError

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]*")
"""Labels become names of folders."""
FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodSpec:
    """One run of one method. Runs with the same label are seeds of one method and are told as mean and spread."""

    label: str
    target: str
    """A shipped method's name, `module:function`, or a folder."""
    option: str = ""
    """What stood after @: weights, a size, a seed; handed to the method's maker."""

    @property
    def is_function(self) -> bool:
        """Whether the target is `module:function`."""
        return FUNCTION.fullmatch(self.target) is not None

    @property
    def folder(self) -> Path | None:
        """The folder of predictions that the target names; None for anything else."""
        path = Path(self.target)
        return path if not self.is_function and (path.is_dir() or "/" in self.target) else None

    @property
    def words(self) -> str:
        """The run as it was asked for."""
        return f"{self.target}@{self.option}" if self.option else self.target


def parse_method(text: str) -> MethodSpec:
    """The spec of `[LABEL=]TARGET[@OPTION]`.

    Such as `landmarks`, `ours=package.module:predict`, `S=estimator@s1.safetensors`. Without a label it is the target:
    of a function its name, of a folder its last part. Raises HpsError for anything else.
    """
    label, equals, rest = text.partition("=")
    if not equals:
        label, rest = "", text
    if Path(rest).is_dir():  # a folder may have an @ in its name
        target, option = rest, ""
    else:
        target, _, option = rest.partition("@")
    if not target:
        raise HpsError(
            f"'{text}' names no method; give a shipped method, module:function, or a folder of predictions, each with "
            "LABEL= before it where you like"
        )
    if not label:
        label = Path(target).resolve().name if ":" not in target else target.rpartition(":")[2]
    if not LABEL.fullmatch(label):
        raise HpsError(
            f"the label '{label}' of '{text}' has letters that a folder's name should not; give LABEL={rest}"
        )
    return MethodSpec(label=label, target=target, option=option)


def parse_methods(texts: list[str] | tuple[str, ...]) -> list[MethodSpec]:
    """The specs in their order. Raises HpsError for one that is given twice."""
    found: list[MethodSpec] = []
    for text in texts:
        spec = parse_method(text)
        if spec in found:
            raise HpsError(f"the method '{text}' is given twice; runs of one label must differ in what they name")
        found.append(spec)
    return found
