"""The files around the package agree with each other."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = ("dev", "ray", "tracking", "docs")  # `dev` asks for the others, so that tests can try them
DECLARED = [
    Requirement(text)
    for text in (
        *PROJECT["dependencies"],
        *(text for name in EXTRAS for text in PROJECT["optional-dependencies"][name]),
    )
    if not text.startswith("ecgstudy[")
]


def locked(python: str) -> dict[str, str]:
    """Package -> version in requirements.lock for one Python on Linux."""
    environment = default_environment() | {"python_version": python, "python_full_version": f"{python}.9"}
    lines = re.findall(r"^([A-Za-z0-9][\w.\-]*==[^\\\n]+?)\s*\\?$", (ROOT / "requirements.lock").read_text(), re.M)
    pinned = [Requirement(line) for line in lines]
    chosen = [r for r in pinned if r.marker is None or r.marker.evaluate(environment)]
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in chosen}


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_lock_file_satisfies_every_declared_dependency_on(python):
    pins = locked(python)
    wrong = [str(r) for r in DECLARED if not r.specifier.contains(pins.get(canonicalize_name(r.name), "0"))]
    assert not wrong, f"run `make lock`: {wrong}"


def test_the_conda_environment_has_the_versions_of_the_lock_file():
    parts = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    python = next(str(p).removeprefix("python=") for p in parts if str(p).startswith("python="))
    pips = [Requirement(text) for part in parts if isinstance(part, dict) for text in part["pip"]]
    found = {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in pips}
    pins = locked(python)
    assert found == {canonicalize_name(r.name): pins[canonicalize_name(r.name)] for r in DECLARED}


def test_the_conda_environment_has_tensorflow_for_gpus():
    assert "tensorflow[and-cuda]==" in (ROOT / "environment.yml").read_text()


def test_every_locked_package_has_hashes():
    text = (ROOT / "requirements.lock").read_text()
    entries = re.split(r"^(?=[A-Za-z0-9][\w.\-]*==)", text, flags=re.M)[1:]
    assert entries and all("--hash=sha256:" in entry for entry in entries)


def test_no_address_of_a_package_registry_is_in_the_lock_file():
    assert "://" not in (ROOT / "requirements.lock").read_text()


def test_every_make_word_has_a_line_of_help():
    makefile = (ROOT / "Makefile").read_text()
    words = re.findall(r"^([a-z-]+):", makefile, re.M)
    described = re.findall(r"^([a-z-]+):.*## \S", makefile, re.M)
    assert words == described
