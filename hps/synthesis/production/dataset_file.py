"""dataset.toml: what a data set is made of, written when it is begun and compared whenever it is continued."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Collection
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import tomli_w
from pydantic import TypeAdapter, ValidationError

from body.bank import load_body_bank
from body.model import BodyModel
from geometry.told_values import toml_of
from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig

NAME: Final = "dataset.toml"
FORMAT: Final = 1


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """The choices of a data set."""

    config: SynthesisConfig
    model_sha256: str
    software: str
    """Name and version of the program that began it."""
    format: int = FORMAT

    @classmethod
    def of(cls, config: SynthesisConfig, model: BodyModel) -> DatasetInfo:
        """For a data set that is begun now.

        Raises HpsError for a body model that nobody can be dressed with, BodyError for another than the bank is of.
        """
        if model.uv is None:
            raise HpsError(
                f"body model '{model.name}' has no texture coordinates, so nobody can be dressed; unset "
                "HUMANRIG_BODY_MODEL, which gives the open body, or set an .npz file that has uv and ft"
            )
        if config.bodies == "bank":
            load_body_bank(model)
        try:
            software = f"humanrig {version('humanrig')}"
        except PackageNotFoundError:
            software = "humanrig (not installed)"
        return cls(config=config, model_sha256=model.sha256, software=software)

    def check_model(self, model: BodyModel, folder: Path) -> None:
        """Raises HpsError when the body model is another one than the data set was begun with."""
        if model.sha256 != self.model_sha256:
            raise HpsError(
                f"{folder} was begun with the body model {self.model_sha256[:12]}…, the one set now is "
                f"{model.sha256[:12]}…; set HUMANRIG_BODY_MODEL to the former, or begin another data set"
            )


def write_dataset_file(folder: Path, info: DatasetInfo) -> None:
    """Writes dataset.toml; it appears whole or not at all."""
    values = {"format": info.format, "software": info.software, "body_model_sha256": info.model_sha256}
    config = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(info.config).items()}
    partial = folder / f".{NAME}.partial"
    with partial.open("wb") as file:
        tomli_w.dump({**values, "config": config}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / NAME)


def read_dataset_file(folder: Path) -> DatasetInfo:
    """What a data set is made of. Raises HpsError when there is none, or it is damaged or of another version."""
    path = folder / NAME
    try:
        data = toml_of(path.read_text("utf-8"))
        if data["format"] != FORMAT:
            raise HpsError(f"{path} has format {data['format']}, this program reads {FORMAT}; use the program it is of")
        config = validated_config(data["config"], str(path))
        return DatasetInfo(config=config, model_sha256=data["body_model_sha256"], software=data["software"])
    except FileNotFoundError:
        raise HpsError(
            f"there is no data set at {folder}: {NAME} is missing; make one with humanrig synthesize"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise HpsError(f"{path} is damaged ({error}); mend it, or begin another data set") from None


def validated_config(values: dict[str, Any], place: str) -> SynthesisConfig:
    """A configuration of plain values. Raises HpsError naming the field that is wrong."""
    try:
        return TypeAdapter(SynthesisConfig).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # fields that do not go together
            raise HpsError(f"{place}: {first['msg'].removeprefix('Value error, ')}") from None
        key = ".".join(str(part) for part in first["loc"])
        raise HpsError(f"{place}: {key} = {first['input']!r}: {first['msg']}") from None


def continued(
    stored: SynthesisConfig, wishes: dict[str, Any], folder: Path, free: Collection[str] = ()
) -> SynthesisConfig:
    """The stored configuration, if the wishes agree with it; more passes may be asked for, the former ones stay.

    free: fields of which nothing was made yet, so that another value may be wished for.
    Raises HpsError for every other wish that disagrees: the data set would no longer be one.
    """
    if "passes" in wishes and "passes" not in free:
        wishes = {**wishes, "passes": tuple(dict.fromkeys((*stored.passes, *wishes["passes"])))}
    wanted = validated_config({**asdict(stored), **wishes}, "the choices")
    for name in wishes:
        old, new = getattr(stored, name), getattr(wanted, name)
        if name != "passes" and name not in free and old != new:
            raise HpsError(
                f"{folder} was begun with {name} = {json.dumps(old)}, now {json.dumps(new)} is asked for; leave it out "
                "to go on, or begin another data set"
            )
    return wanted
