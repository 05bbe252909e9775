"""Opens a data set by looking at it: which kind it is, and the reader of that kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hps.datasets.gta_human import is_gta_human, open_gta_human
from hps.datasets.human_data import is_humandata, open_humandata
from hps.datasets.humman_folder import is_point, is_recon, open_humman_point, open_humman_recon
from hps.datasets.reader import CloudReader
from hps.datasets.session import is_session, open_session
from hps.datasets.smc import is_smc, open_smc
from hps.datasets.surreal import is_surreal, open_surreal
from hps.datasets.synthetic import open_synthetic
from hps.errors import HpsError
from hps.synthesis.production.dataset_file import NAME as SYNTHETIC_FILE


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of data set."""

    name: str
    about: str
    """How one looks, in a few words."""
    recognises: Callable[[Path], bool]
    open: Callable[..., CloudReader]


KINDS: Final[tuple[Kind, ...]] = (
    Kind(name="session", about="a humanrig session, or a folder of them", recognises=is_session, open=open_session),
    Kind(
        name="synthetic",
        about="a folder of humanrig synthesize: dataset.toml, shards/",
        recognises=lambda path: (path / SYNTHETIC_FILE).is_file(),
        open=open_synthetic,
    ),
    Kind(
        name="humman_point",
        about="folders such as p000455_a000986 with kinect_depth/, kinect_mask/ and smpl_params.npz",
        recognises=is_point,
        open=open_humman_point,
    ),
    Kind(
        name="humman_recon",
        about="the same with smpl_params/000000.npz",
        recognises=is_recon,
        open=open_humman_recon,
    ),
    Kind(name="smc", about="an .smc file or a folder of them", recognises=is_smc, open=open_smc),
    Kind(
        name="gta_human",
        about="GTA-Human II: annotations/seq_…/ and point_clouds/seq_…/",
        recognises=is_gta_human,
        open=open_gta_human,
    ),
    Kind(
        name="surreal",
        about="…/01_01/01_01_c0001_info.mat with _depth.mat and _segm.mat",
        recognises=is_surreal,
        open=open_surreal,
    ),
    Kind(
        name="humandata",
        about="mmhuman3d's HumanData .npz with depth_path, or a folder of them",
        recognises=is_humandata,
        open=open_humandata,
    ),
)


def open_dataset(path: Path | str, kind: str | None = None, **options: Any) -> CloudReader:
    """The reader of a data set; `options` are those of the kind's own function, such as `protocol`.

    `kind` is one of KINDS by name; None finds it out. Raises HpsError for a path that is not there or that no kind, or
    more than one, recognises, for an unknown kind, and as the kind's reader does for missing and damaged files.
    """
    place = Path(path)
    if not place.exists():
        raise HpsError(f"there is no data set at {place}; check the path")
    if kind is not None:
        return _named(kind).open(place, **options)
    found = [one for one in KINDS if one.recognises(place)]
    if len(found) == 1:
        return found[0].open(place, **options)
    if not found:
        raise HpsError(f"{place} is no data set that is known: {'; '.join(f'{k.name}: {k.about}' for k in KINDS)}")
    raise HpsError(f"{place} may be {' or '.join(one.name for one in found)}; say which with kind=")


def _named(name: str) -> Kind:
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise HpsError(f"there is no kind of data set '{name}'; the kinds are {', '.join(kind.name for kind in KINDS)}")
