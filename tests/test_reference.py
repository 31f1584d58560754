"""Results that can be made again from what is committed."""

import numpy as np
import pandas as pd
import pytest

from ecgstudy import reference
from ecgstudy.report import results
from ecgstudy.study import Study
from ecgstudy.training import grid, runs, variants

SMALL = {
    "name": "small",
    "data": {"source": "synthetic", "synthetic_pages": 48},
    "image": {"height": 32, "width": 56},
    "splits": {"folds": 2, "validation": 0.25},
    "models": ["majority", "thumbnail"],
    "evaluation": {
        "resamples": 200, "controls": ["permuted_labels"], "learning_shares": [0.5], "control_model": "thumbnail",
    },
    "explanation": {"models": ["thumbnail"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A small finished study with its tables, and its reference folder rebuilt."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path_factory.mktemp("outputs")))
        study = Study.load(SMALL)
        grid.run_grid(study, progress=lambda line: None)
        variants.run_variants(study, progress=lambda line: None)
        yield study


def test_every_reference_table_is_made_again_without_training(study):
    pages = pd.read_csv(study.folder / "manifest.csv", dtype={"page_id": str, "group": str})
    own = results.study_results(study, runs.read_predictions(study), pages)
    folder = reference.keep_predictions(study)
    made = {path.stem: pd.read_csv(path, keep_default_na=False, na_values=[""]) for path in reference.rebuild(folder)}
    assert set(made) == (set(reference.TABLES) | set(reference.CLINICAL)) & set(own)
    assert {"ladder", "controls", "learning_curve", "detection", "conformal"} <= set(made)
    for name, table in made.items():
        models = {*table.get("model", []), "all", "none"}
        wanted = own[name][own[name]["model"].isin(models)].reset_index(drop=True)
        assert len(table) == len(wanted)
        numbers = list(wanted.select_dtypes("number"))
        np.testing.assert_allclose(table[numbers].astype(float), wanted[numbers].astype(float), atol=1e-3, err_msg=name)


def test_a_reference_folder_names_no_file_and_rebuilds_what_was_spoilt(study):
    folder = reference.keep_predictions(study)
    ladder = next(path for path in reference.rebuild(folder) if path.stem == "ladder")
    before = ladder.read_bytes()
    ladder.unlink()
    reference.rebuild(folder)
    assert ladder.read_bytes() == before
    assert list(pd.read_csv(folder / "manifest.csv")) == reference.MANIFEST_COLUMNS
    (folder / "runs.csv").unlink()
    with pytest.raises(ValueError, match="missing"):
        reference.rebuild(folder)


@pytest.mark.parametrize("digits", [2, 4])
def test_rounded_probabilities_sum_to_one_and_name_the_same_class(digits):
    chance = np.random.default_rng(0)
    answers = chance.dirichlet(np.ones(4), size=500)
    answers[:100] = 0.25 + chance.normal(scale=1e-6, size=(100, 4))  # all but equal
    found = reference.rounded(answers, digits)
    assert (found.argmax(axis=1) == answers.argmax(axis=1)).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(found, answers, atol=5 / 10**digits)


def test_committed_tables_are_read_by_name_and_a_wrong_name_says_which_there_are():
    board = reference.read_reference("complete", "ladder")
    assert {"grouped"} <= set(board["protocol"])
    with pytest.raises(ValueError, match="unknown reference study 'complet'; did you mean 'complete'"):
        reference.read_reference("complet")
    with pytest.raises(ValueError, match="unknown table of complete"):
        reference.read_reference("complete", "nothing")
