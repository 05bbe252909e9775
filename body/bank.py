"""The bank of true bodies: people of the full parametric model on the open body's mesh, more varied than its betas."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from body.bank_codes import STEP_MM, decode
from body.bank_file import BankFile, read_bank
from body.errors import BodyError
from body.model import BodyModel

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
BODY_BANK = Path(__file__).parent / "data" / "body_bank.npz"
CHILD_BELOW_YEARS = 18.0


@dataclass(frozen=True, kw_only=True, slots=True)
class BankSubject:
    """One person of the bank; the phenotypes are MakeHuman's, 0 to 1 within sex and age."""

    name: str
    """b0000, b0001, …: the same person for good."""
    index: int
    sex: Literal["female", "male"]
    age_years: float
    height_m: float
    """Of the rest skin, sole to crown."""
    mass_kg: float
    """The skin's volume times 1 kg/l."""
    weight: float
    muscle: float
    proportions: float
    split: Split

    @property
    def is_child(self) -> bool:
        """Whether the person is younger than 18 years."""
        return self.age_years < CHILD_BELOW_YEARS


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NearestFit:
    """The best fit of a body model's own shape space to a bank body at rest."""

    betas: Float[np.ndarray, "shapes"]
    child: float
    rms_mm: float
    """Root of the mean squared distance between corresponding vertices."""

    def __iter__(self):
        return iter((self.betas, self.child, self.rms_mm))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyBank:
    """True bodies for one body model; unpacked once, at 16 MB."""

    body_model: BodyModel
    subjects: tuple[BankSubject, ...]
    coefficients: Float[np.ndarray, "subjects columns"]
    """Betas and the child factor that the residuals start from."""
    steps: np.ndarray
    """(subjects, vertices, 3) int16: residuals in units of 0.115 mm."""
    _models: dict[str, BodyModel] = field(default_factory=dict)

    def subject(self, name: str) -> BankSubject:
        """The person of that name; raises BodyError when there is none."""
        for subject in self.subjects:
            if subject.name == name:
                return subject
        raise BodyError(
            f"the body bank has no subject {name!r}; its names go from {self.subjects[0].name} "
            f"to {self.subjects[-1].name}"
        )

    def names(self, split: str | None = None) -> tuple[str, ...]:
        """Names of the people of `train`, `validation` or `test`, or of all. Raises BodyError for another split."""
        if split is not None and split not in SPLITS:
            raise BodyError(f"the body bank has no split {split!r}; use train, validation or test")
        return tuple(s.name for s in self.subjects if split in (None, s.split))

    def rest_vertices(self, name: str) -> Float[np.ndarray, "vertices 3"]:
        """The T-pose skin, metres, y up, its pelvis where the body model's is; within 0.1 mm of what was built."""
        index = self.subject(name).index
        *betas, child = self.coefficients[index]
        return self.body_model.shaped(np.array(betas), child) + self.steps[index] * (STEP_MM * 1e-3)

    def model(self, name: str) -> BodyModel:
        """The person as a body model of one shape: betas count for nothing, and there is no child axis.

        Joints follow from the skin by the body model's regressor; weights, correctives, faces and texture coordinates
        are the body model's. The same object comes back each time.
        """
        if name not in self._models:
            self._models[name] = dataclasses.replace(
                self.body_model,
                name=f"bank body {name}",
                v_template=self.rest_vertices(name),
                shapedirs=np.zeros_like(self.body_model.shapedirs),
                child_direction=None,
                sha256="",
            )
        return self._models[name]

    def draw(self, rng: np.random.Generator, split: Split, children: bool | float = True) -> BankSubject:
        """A random person of the split.

        `children`: False for adults only, True for anybody (a third are children), a number for that share of children.
        """
        share = None if isinstance(children, bool) and children else float(children)
        if share is not None and not 0 <= share <= 1:
            raise BodyError(f"the share of children is {children}; give a number from 0 to 1")
        names = set(self.names(split))
        people = [s for s in self.subjects if s.name in names]
        if share is not None:
            wanted = bool(rng.random() < share)
            people = [s for s in people if s.is_child == wanted]
        return people[int(rng.integers(len(people)))]

    def nearest_betas(self, name: str, count: int = 10) -> NearestFit:
        """The best `count` betas, child factor and translation, by least squares over corresponding vertices.

        What remains is the gap that no fit with so many betas can close at rest. Unpacks as (betas, child, rms_mm).
        """
        self.body_model.check_shape(count, 0.0)
        A, solve = _solver(self.body_model, count)
        b = (self.rest_vertices(name) - self.body_model.v_template).ravel()
        x = solve @ (A.T @ b)
        left = (b - A @ x).reshape(-1, 3)
        rms_mm = float(np.sqrt((left**2).sum(-1).mean()) * 1e3)
        return NearestFit(betas=x[:count], child=float(x[count]), rms_mm=rms_mm)


def load_body_bank(model: BodyModel, path: Path = BODY_BANK) -> BodyBank:
    """The bank that belongs to a body model.

    Raises BodyError when the file is missing or damaged, or when it was made for another model than this one.
    """
    file = _read(path)
    if model.sha256 != file.body_sha256:
        raise BodyError(
            f"{path.name} was made for the open body {file.body_sha256[:12]}, not for body model {model.name!r} "
            f"({model.sha256[:12] or 'not read from a file'}); unset HUMANRIG_BODY_MODEL, or run "
            "scripts/build_body_bank.py"
        )
    subjects = tuple(
        BankSubject(
            name=f"b{index:04d}",
            index=index,
            sex="female" if file.female[index] else "male",
            age_years=float(file.age_years[index]),
            height_m=float(file.height_m[index]),
            mass_kg=float(file.mass_kg[index]),
            weight=float(file.phenotypes[index, 0]),
            muscle=float(file.phenotypes[index, 1]),
            proportions=float(file.phenotypes[index, 2]),
            split=SPLITS[file.split[index]],
        )
        for index in range(len(file.female))
    )
    steps = _steps(np.ascontiguousarray(model.faces, np.int32).tobytes(), path)
    return BodyBank(body_model=model, subjects=subjects, coefficients=file.coefficients, steps=steps)


@functools.lru_cache(maxsize=1)
def _read(path: Path) -> BankFile:
    return read_bank(path)


@functools.lru_cache(maxsize=1)
def _steps(faces: bytes, path: Path) -> np.ndarray:
    """Kept by value: a model that is loaded again has the same faces."""
    steps = decode(_read(path).planes, np.frombuffer(faces, np.int32).reshape(-1, 3))
    steps.flags.writeable = False
    return steps


@functools.lru_cache(maxsize=2)
def _solver(model: BodyModel, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns of betas, child and translation, and the inverse of their normal matrix."""
    columns = [model.shapedirs[..., :count].reshape(3 * model.vertex_count, count)]
    assert model.child_direction is not None
    columns += [model.child_direction.reshape(-1, 1), np.tile(np.eye(3), (model.vertex_count, 1))]
    A = np.concatenate(columns, 1)
    return A, np.linalg.inv(A.T @ A)
