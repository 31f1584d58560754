"""What is true of every notebook as it is stored; tests/test_workflow.py runs them."""

import itertools
import re
from pathlib import Path

import nbformat
import pytest

import ecgstudy

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path for path in FOLDER.glob("*.ipynb") if path.stem != "predict")  # that one is a page
LONGEST_CELL = 15  # lines; two to five are usual

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == kind]


def test_the_five_chapters_and_the_template_are_there():
    names = [path.stem for path in NOTEBOOKS]
    assert {"01_eda", "02_baselines", "03_modified_models", "04_explainability", "05_results", "template"} <= set(names)


@every_notebook
def test_a_notebook_is_valid_and_has_stable_cell_ids(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


@every_notebook
def test_a_notebook_is_stored_without_outputs(path):
    for cell in cells(path, "code"):
        assert cell.outputs == [] and cell.execution_count is None


@every_notebook
def test_the_study_is_the_one_parameter(path):
    tagged = [cell for cell in cells(path, "code") if "parameters" in cell.metadata.get("tags", [])]
    assert [cell.source for cell in tagged] == ['study = "../params/quick.yaml"']


@every_notebook
def test_text_comes_before_code(path):
    kinds = [cell.cell_type for cell in read(path).cells]
    assert kinds[0] == "markdown"
    assert ("code", "code") not in list(itertools.pairwise(kinds))


@every_notebook
def test_cells_are_short(path):
    lengths = [len(cell.source.splitlines()) for cell in cells(path, "code")]
    assert max(lengths) <= LONGEST_CELL
    assert sorted(lengths)[len(lengths) // 2] <= 5


@every_notebook
def test_a_notebook_opens_with_its_question_and_ends_with_its_limits(path):
    texts = [cell.source for cell in cells(path, "markdown")]
    assert "**Question.**" in texts[0] and "**What it needs.**" in texts[0]
    assert "does not show" in texts[-1]


@every_notebook
def test_definitions_live_in_the_package(path):
    for cell in cells(path, "code"):
        assert not re.search(r"^\s*(def|class) ", cell.source, flags=re.MULTILINE)


@every_notebook
def test_every_word_a_notebook_uses_is_in_the_package(path):
    used = {name for cell in cells(path, "code") for name in re.findall(r"\bes\.(\w+)", cell.source)}
    assert used <= set(dir(ecgstudy))


@every_notebook
def test_no_result_is_typed_into_the_text(path):
    """Measured shares and scores are computed; the text may hold a claim, a level of confidence, or chance."""
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    numbers = set(re.findall(r"\d+(?:\.\d+)? ?%|\b0\.\d+", text))
    assert numbers <= {"96 %", "95 %", "90 %", "30 %", "0.25"}
