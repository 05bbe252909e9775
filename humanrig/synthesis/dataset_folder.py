"""The folder of a data set: begun, or continued with the choices that it was begun with."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from body.model import BodyModel
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.production.dataset_file import (
    NAME,
    DatasetInfo,
    continued,
    read_dataset_file,
    validated_config,
    write_dataset_file,
)
from hps.synthesis.production.factory import BODIES, KINDS, SHARDS
from hps.synthesis.sampling.cameras import check_distances, on_open_floor
from hps.synthesis.sampling.sample_scenes import WITHOUT_EFFECT
from hps.synthesis.scenes.files import FOLDER
from humanrig.errors import HumanrigError


def check_folder(folder: Path) -> None:
    """Raises HumanrigError where a data set can neither be begun nor continued."""
    if folder.exists() and not folder.is_dir():
        raise HumanrigError(f"{folder} is a file; name a folder for the data set")
    if not folder.exists() or (folder / NAME).exists():
        return
    if strange := sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")):
        few = ", ".join(strange[:3]) + (" and more" if len(strange) > 3 else "")
        raise HumanrigError(f"{folder} holds {few}, but no {NAME}: it is no data set; choose another folder")


def open_dataset(folder: Path, wishes: dict[str, Any], model: BodyModel) -> DatasetInfo:
    """The choices of a data set; dataset.toml is written when it is begun, gets another pass, or is chosen otherwise
    before anything was made of the choice.

    `wishes` are the choices that somebody made now. Raises HpsError when they are none or disagree with the data set's,
    or when it was begun with another body model.
    """
    if not (folder / NAME).exists():
        info = DatasetInfo.of(validated_config(wishes, "the choices"), model)
        check_distances(info.config)
        write_dataset_file(folder, info)
        return info
    stored = read_dataset_file(folder)
    stored.check_model(model, folder)
    config = continued(stored.config, wishes, folder, _free(folder, stored.config))
    if not _drawn(folder):
        check_distances(config)
    elif on_open_floor(stored.config) and not on_open_floor(config):
        raise HumanrigError(
            f"{folder} has clouds on an open floor, whose cameras stand beyond the walls of any room; begin another "
            "data set for pictures"
        )
    info = DatasetInfo(config=config, model_sha256=stored.model_sha256, software=stored.software)
    if info != stored:
        write_dataset_file(folder, info)
    return info


def remove_empty(folder: Path) -> None:
    """Removes a folder in which no data set was begun."""
    for path in folder.iterdir():
        if path.name.startswith("."):
            path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _free(folder: Path, config: SynthesisConfig) -> set[str]:
    """The choices of which nothing was made yet: all before scenes are drawn, then those of passes without shards."""
    fixed: set[str] = set()
    if _drawn(folder):
        fixed |= {field.name for field in fields(config)} - set(WITHOUT_EFFECT)
    if (folder / SHARDS).exists():
        fixed |= {"passes", "shard_pictures"}
        fixed |= {name for kind in config.passes for name in KINDS[kind].settings}
    return {field.name for field in fields(config)} - fixed


def _drawn(folder: Path) -> bool:
    """Whether scenes are there, or some of them."""
    return (folder / FOLDER).exists() or (folder / BODIES).exists()
