"""`import ecgstudy as es`: quick, and every name is where it is said to be."""

import importlib
import subprocess
import sys

import pytest

import ecgstudy as es

HEAVY = {"tensorflow", "keras", "pandas", "numpy", "sklearn", "scipy", "matplotlib", "cv2", "papermill"}


def loaded_by(command):
    code = f"import sys; {command}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n"))


@pytest.mark.parametrize("command", ["import ecgstudy", "import ecgstudy.study", "import ecgstudy.cli"])
def test_no_heavy_library_is_loaded_by(command):
    assert not HEAVY & loaded_by(command)


@pytest.mark.parametrize("name", dir(es))
def test_every_public_name_is_where_the_package_says(name):
    assert getattr(es, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'hedaline'"):
        es.hedaline  # noqa: B018


@pytest.mark.parametrize(
    "module",
    ["training.runs", "evaluation.ladder", "evaluation.comparison", "report.html", "data.prepare", "models.registry"],
)
def test_tensorflow_is_not_loaded_by(module):
    importlib.import_module(f"ecgstudy.{module}")
    assert not {"tensorflow", "keras"} & loaded_by(f"import ecgstudy.{module}")
