"""Which picture belongs on which surface, also where a session has none, or only one for many instants."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import simplejpeg

from humanrig import manifest
from humanrig.errors import HumanrigError
from humanrig.results import Results
from texture.files.texture_files import instant_texture, segment_texture

_END = b"\xff\xd9"
"""The last bytes of a JPEG."""


class SurfacePictures:
    """The textures of a person's surfaces."""

    def __init__(self, results: Results) -> None:
        """Raises HumanrigError when the textures were painted on other surfaces than the present ones."""
        self._results, self._folder = results, results.session.path("texture")
        self._seen: set[Path] = set()
        mesh, texture = (manifest.read(results.session.path(name)) for name in ("mesh", "texture"))
        self._written = None if texture is None else texture.outputs.keys()
        if mesh and texture and texture.inputs.get("mesh") != mesh.digest:
            raise HumanrigError(f"{self._folder} was painted on other surfaces than those in mesh/; {self._run_again}")

    @cached_property
    def any(self) -> bool:
        """Whether the person has a texture at all."""
        return any((self._folder / self._results.person).glob("*.jpg"))

    def of_segment(self, number: int) -> Path | None:
        """The JPEG of a segment; None where nothing of it was painted.

        Raises HumanrigError when it got lost or is damaged.
        """
        path = segment_texture(self._folder, self._results.person, number)
        own = self._of_instants(number)
        if path.is_file():
            return self._whole(path)
        if not own:
            return None
        if len(self._instants(number)) > 1 and self._lost(path):
            raise HumanrigError(f"{path} is missing; {self._run_again}")
        return self._whole(own[0])  # the only instant, or one of those that were painted

    def of_instant(self, instant: int) -> Path | None:
        """The JPEG of an instant, else that of its segment; None where neither was painted.

        Raises HumanrigError when it is damaged, and when others of its segment have one of their own and the stage did
        not leave this one out.
        """
        number = self._results.meshes.number_of(instant)
        path = instant_texture(self._folder, self._results.person, instant)
        if path.is_file():
            return self._whole(path)
        if self._of_instants(number) and self._lost(path):
            raise HumanrigError(f"{path} is missing; {self._run_again}")
        return self.of_segment(number)

    def about(self, bare: list[str]) -> list[str]:
        """Lines for source.txt about surfaces that have no picture."""
        if not self.any:
            return ["no texture: the session has none; the surfaces are plain geometry"]
        return [f"not painted, plain geometry: {' '.join(bare)}"] if bare else []

    def _whole(self, path: Path) -> Path:
        """The same path. Raises HumanrigError for a file that is no JPEG or was cut off; its pixels are not decoded."""
        if path in self._seen:
            return path
        data = path.read_bytes()
        try:
            simplejpeg.decode_jpeg_header(data)
        except ValueError:
            data = b""
        if not data.endswith(_END):
            raise HumanrigError(f"{path} is damaged; {self._run_again}")
        self._seen.add(path)
        return path

    def _lost(self, path: Path) -> bool:
        """Whether a picture should be there: the stage says what it wrote, and leaves out what cannot be painted."""
        return self._written is None or path.relative_to(self._folder).as_posix() in self._written

    def _instants(self, number: int) -> list[int]:
        meshes = self._results.meshes
        return meshes.instants[meshes.segment_of == number].tolist()

    def _of_instants(self, number: int) -> list[Path]:
        paths = (instant_texture(self._folder, self._results.person, i) for i in self._instants(number))
        return [path for path in paths if path.is_file()]

    @property
    def _run_again(self) -> str:
        return f"run: humanrig reconstruct {self._results.session.folder} --from texture"
