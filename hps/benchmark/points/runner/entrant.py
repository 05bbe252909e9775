"""One run of a method as the runner sees it: something that answers clouds, its digest, and its size."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hps.benchmark.points.runner.method_spec import MethodSpec
from hps.benchmark.points.runner.prediction_folder import PredictionFolder
from hps.benchmark.prediction import ClipMethod, Method, Prediction
from hps.datasets.cloud_sample import CloudSample
from hps.errors import HpsError

Maker = Callable[[str], Method | ClipMethod]
"""Makes a shipped method of what stood after @ (empty: its default)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Entrant:
    """A method, or the predictions that it made elsewhere."""

    spec: MethodSpec
    method: Method | ClipMethod | PredictionFolder
    digest: str
    """Changes with the method's code and weights, as far as can be told."""
    parameters: int | None = None
    """Of its networks; None where it has none, or does not say."""
    of_samples: Callable[[Sequence[CloudSample]], Sequence[Prediction]] | None = None
    """Of a shipped ceiling that is told the truth; no other method ever sees it."""
    gflops: float | None = None
    """Of one cloud's forward pass; a multiplication and an addition are two."""

    @property
    def name(self) -> str:
        """Label and what tells it from other runs of the label."""
        return f"{self.spec.label}@{self.spec.option}" if self.spec.option else self.spec.label

    @property
    def wants_clips(self) -> bool:
        """Whether it is asked clip by clip (`ClipMethod`) instead of cloud by cloud."""
        return isinstance(self.method, ClipMethod)

    @property
    def folder_name(self) -> str:
        """Of its cached predictions; two runs never share one."""
        return f"{self.spec.label}-{hashlib.sha256(self.spec.words.encode()).hexdigest()[:8]}"


def join(spec: MethodSpec, shipped: Mapping[str, Maker]) -> Entrant:
    """The method that a spec names, ready to answer.

    A function is called with clouds; with an option after @ it is called with the option and returns what is called
    with clouds, or what has `of_clip`. A method may say `digest`, `parameters` and `gflops` of itself. Raises HpsError
    for what is not there.
    """
    if spec.folder is not None and spec.target not in shipped:
        folder = PredictionFolder(spec.folder)
        return Entrant(spec=spec, method=folder, digest=folder.digest)
    if spec.is_function:
        method, code = _imported(spec)
    elif spec.target in shipped:
        method, code = shipped[spec.target](spec.option), _shipped_code()
    else:
        raise HpsError(
            f"there is no method '{spec.target}'; shipped are {', '.join(shipped)}; another joins as module:function "
            "or as a folder of predictions"
        )
    ceiling = spec.target in shipped and not spec.is_function
    own = str(getattr(method, "digest", ""))
    return Entrant(
        spec=spec,
        method=method,
        digest=hashlib.sha256("\n".join([spec.words, code, own]).encode()).hexdigest(),
        of_samples=getattr(method, "of_samples", None) if ceiling else None,
        parameters=_number(method, "parameters", int),
        gflops=_number(method, "gflops", float),
    )


def _imported(spec: MethodSpec) -> tuple[Method | ClipMethod, str]:
    name, _, attribute = spec.target.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:  # as `python -m` does
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise HpsError(
            f"the module '{name}' of the method '{spec.words}' cannot be imported ({error}); install it, or run from "
            "the folder that holds it"
        ) from error
    except AttributeError:
        raise HpsError(f"the module '{name}' has no '{attribute}'; --method wants module:function") from None
    if not callable(found) and (spec.option or not isinstance(found, ClipMethod)):
        raise HpsError(f"'{spec.target}' is a {type(found).__name__}, not a function of clouds")
    if isinstance(found, type) and not spec.option:
        found = found()
    method = cast(Callable[[str], object], found)(spec.option) if spec.option else found
    if not callable(method) and not isinstance(method, ClipMethod):
        called = f" called with '{spec.option}'" if spec.option else ""
        raise HpsError(f"'{spec.target}'{called} gives a {type(method).__name__}, no method")
    return cast("Method | ClipMethod", method), _code_of(name)


def _code_of(module: str) -> str:
    """Digest of all Python files of the package that a module belongs to, of the module alone where it has none."""
    top = importlib.util.find_spec(module.partition(".")[0])
    if top is not None and top.submodule_search_locations:
        return code_digest(*(Path(place) for place in top.submodule_search_locations))
    file = getattr(sys.modules[module], "__file__", None)
    return code_digest(Path(file)) if file else ""


def _shipped_code() -> str:
    import body
    import hps.points

    return code_digest(Path(hps.points.__file__).parent, Path(body.__file__).parent)


def code_digest(*places: Path) -> str:
    """Of all Python files in some folders, or of single files."""
    digest = hashlib.sha256()
    for place in places:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _number(method: object, name: str, kind: type[int] | type[float]) -> Any:
    value = getattr(method, name, None)
    return None if value is None else kind(value)
