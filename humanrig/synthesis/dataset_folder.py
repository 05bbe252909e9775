"""The folder of a data set: begun, or continued with the choices that it was begun with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from body.model import BodyModel
from hps.synthesis.production.dataset_file import (
    NAME,
    DatasetInfo,
    continued,
    read_dataset_file,
    validated_config,
    write_dataset_file,
)
from hps.synthesis.sampling.cameras import on_open_floor
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
    """The choices of a data set; dataset.toml is written when it is begun or gets another pass.

    `wishes` are the choices that somebody made now. Raises HpsError when they are none or disagree with the data set's,
    or when it was begun with another body model.
    """
    if not (folder / NAME).exists():
        info = DatasetInfo.of(validated_config(wishes, "humanrig synthesize"), model)
        write_dataset_file(folder, info)
        return info
    stored = read_dataset_file(folder)
    stored.check_model(model, folder)
    config = continued(stored.config, wishes, folder)
    if on_open_floor(stored.config) and not on_open_floor(config):
        raise HumanrigError(
            f"{folder} has clouds on an open floor, whose cameras stand beyond the walls of any room; begin another "
            "data set for pictures"
        )
    info = DatasetInfo(config=config, model_sha256=stored.model_sha256, software=stored.software)
    if info != stored:
        write_dataset_file(folder, info)
    return info
