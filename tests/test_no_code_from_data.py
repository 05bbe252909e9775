"""No module of the product runs what it reads: what would is named here, and where it is used, why it may be."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from geometry.camera_files.qualisys import read_qualisys
from geometry.errors import GeometryError

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("body", "calibration", "capture", "geometry", "hps", "humanrig", "registration", "texture")
DANGEROUS = {
    "unpickling": r"\bpickle\.(load|loads|Unpickler)\b|\b(cPickle|dill|cloudpickle|joblib|marshal|shelve)\b",
    "unpickled arrays": r"allow_pickle\s*=\s*True",
    "unpickled weights": r"\btorch\.(load|jit\.load)\b|weights_only\s*=\s*False",
    "code": r"(?<![\w.])(eval|exec|compile|__import__)\(",
    "a shell": r"shell\s*=\s*True|\bos\.(system|popen)\b|create_subprocess_shell",
    "YAML with objects": r"\byaml\.(unsafe_load|full_load|load_all|Loader|UnsafeLoader|FullLoader)\b",
    "archives unpacked unseen": r"\.extractall\(|\bshutil\.unpack_archive\b",
    "XML with entities": r"\bxml\.(etree|dom|sax)\b|\blxml\b",
}
ALLOWED: dict[tuple[str, str], str] = {
    ("unpickling", "body/pickles.py"): "the reader that lets only named shapes of values through",
    ("XML with entities", "geometry/camera_files/qualisys.py"): "expat fetches nothing and stops entities that grow",
}
"""By the danger and the file: why it may be there."""


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    """The code of the product by its path, without comments."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            lines = path.read_text("utf-8").splitlines()
            found[path.relative_to(ROOT).as_posix()] = "\n".join(re.sub(r"\s#.*$", "", line) for line in lines)
    assert len(found) > 500
    return found


@pytest.mark.parametrize("danger", DANGEROUS)
def test_data_is_never_run(sources: dict[str, str], danger: str) -> None:
    pattern = re.compile(DANGEROUS[danger])
    used = {path for path, text in sources.items() if pattern.search(text)}
    allowed = {path for kind, path in ALLOWED if kind == danger}
    assert sorted(used - allowed) == []


def test_entities_of_xml_neither_grow_nor_fetch(tmp_path: Path) -> None:
    """The one reader of XML: a billion laughs, and an entity that stands for a file of this computer."""
    (tmp_path / "secret.txt").write_text("the secret")
    grown = "".join(f'<!ENTITY e{n} "{10 * f"&e{n - 1};"}">' for n in range(1, 10))
    for entities in (f'<!ENTITY e0 "ha">{grown}', f'<!ENTITY e9 SYSTEM "file://{tmp_path}/secret.txt">'):
        path = tmp_path / "hostile.qca.txt"
        path.write_text(f'<?xml version="1.0"?><!DOCTYPE c [{entities}]><calibration>&e9;</calibration>')
        begun = time.monotonic()
        with pytest.raises(GeometryError) as refused:
            read_qualisys(path)
        assert "the secret" not in str(refused.value)
        assert time.monotonic() - begun < 5


def test_the_search_finds_what_it_looks_for() -> None:
    examples = {
        "unpickling": "pickle.loads(data)", "unpickled arrays": "np.load(p, allow_pickle=True)",
        "unpickled weights": "torch.load(path)", "code": "value = eval(text)", "a shell": "run(words, shell=True)",
        "YAML with objects": "yaml.unsafe_load(text)", "archives unpacked unseen": "zip.extractall(folder)",
        "XML with entities": "import xml.etree.ElementTree",
    }  # fmt: skip
    assert all(re.search(DANGEROUS[danger], text) for danger, text in examples.items())
    assert examples.keys() == DANGEROUS.keys()
