"""What a factory is made of: a stage and passes, named so that every process can make its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from body.loading import load_body_model
from body.model import BodyModel
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.sample import Pass
from hps.synthesis.scenes.rows import SceneSpec
from hps.synthesis.staging.staged import StagedScene

BODIES: Final = "bodies"
SHARDS: Final = "shards"
CACHE: Final = "cache"

StageScene = Callable[[SceneSpec], StagedScene]


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """What passes are made with."""

    folder: Path
    """The data set."""
    config: SynthesisConfig
    model_sha256: str = ""
    """Of the body model that the data set was sampled with."""

    @property
    def cache(self) -> Path:
        """Folder of what can be made again."""
        return self.folder / CACHE

    @functools.cached_property
    def model(self) -> BodyModel:
        """The body model of the labels."""
        return load_body_model()


@dataclass(frozen=True, kw_only=True, slots=True)
class PassKind:
    """One kind of pass."""

    name: str
    version: Callable[[], int]
    settings: tuple[str, ...]
    """Fields of the configuration that its bytes depend on; all else comes from the tables."""
    make: Callable[[Workplace], Pass]
    colors: bool = True
    """Whether it looks at the textures of people and things."""

    def settings_of(self, config: SynthesisConfig) -> dict[str, Any]:
        """Their values."""
        values = asdict(config)
        return {name: values[name] for name in self.settings}


@dataclass(frozen=True, kw_only=True, slots=True)
class Factory:
    """Functions by their names in modules: processes that are started get them so."""

    kinds: tuple[PassKind, ...]
    stage: Callable[[Workplace, bool], StageScene]
    """Given a workplace and whether colours are wanted, what makes scenes ready."""


def _images_version() -> int:
    from hps.synthesis.pictures.images_pass import ImagesPass

    return ImagesPass.version


def _images(place: Workplace) -> Pass:
    from hps.synthesis.pictures.images_pass import ImagesPass

    return ImagesPass(place.config)


def _labels_version() -> int:
    from hps.synthesis.labelling.labels_pass import LabelsPass

    return LabelsPass.version


def _labels(place: Workplace) -> Pass:
    from hps.synthesis.labelling.labels_pass import LabelsPass

    return LabelsPass(place.config, place.model)


def _clouds_version() -> int:
    from hps.synthesis.clouds.clouds_pass import CloudsPass

    return CloudsPass.version


def _clouds(place: Workplace) -> Pass:
    from hps.synthesis.clouds.clouds_pass import CloudsPass

    return CloudsPass(place.config)


def _stage(place: Workplace, colors: bool) -> StageScene:
    from hps.synthesis.staging.stage import Stage

    return Stage.of(place.config, place.folder, place.model, colors=colors).scene


KINDS: Final = {
    kind.name: kind
    for kind in (
        PassKind(
            name="images",
            version=_images_version,
            settings=("effects", "sensor_depth", "width", "renderer"),
            make=_images,
        ),
        PassKind(name="labels", version=_labels_version, settings=("renderer",), make=_labels, colors=False),
        PassKind(
            name="clouds",
            version=_clouds_version,
            settings=("cloud_views", "cloud_camera", "cloud_surroundings", "cloud_mask_px", "cloud_points", "renderer"),
            make=_clouds,
            colors=False,
        ),
    )
}


def standard_factory(config: SynthesisConfig) -> Factory:
    """The passes that a configuration asks for."""
    return Factory(kinds=tuple(kind for name, kind in KINDS.items() if name in config.passes), stage=_stage)
