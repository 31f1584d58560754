import pandas as pd
import pytest

from ecgstudy.evaluation import ladder, pooling, submission
from ecgstudy.vocabulary import LADDER_COLUMNS, PROBABILITIES

FEW = {"resamples": 200, "seed": 0}


@pytest.fixture
def answers(predictions, manifest):
    """A good file: the pooled grouped answers of one model, with the fold of seed 0."""
    units = pooling.pool(pooling.clean(predictions), manifest, "grouped")
    mine = units.loc[units["model"] == "good", ["page_id", *PROBABILITIES]]
    test = predictions.query("model == 'good' and protocol == 'grouped' and part == 'test' and seed == 0")
    return mine.merge(test[["page_id", "fold"]], on="page_id").sample(frac=1, random_state=0).reset_index(drop=True)


def write(table, folder):
    table.to_csv(folder / "file.csv", index=False)
    return folder / "file.csv"


def test_a_file_scores_as_the_model_that_it_came_from(answers, predictions, manifest, tmp_path):
    checked = submission.read_submission(write(answers, tmp_path), manifest)
    scores = submission.score_submission(checked, manifest, name="theirs", **FEW)
    ours = ladder.ladder(predictions, manifest, **FEW)
    assert tuple(scores.columns) == LADDER_COLUMNS
    pick = "stratum == 'all' and metric == 'macro_f1' and weighting == 'selected' and protocol == 'grouped'"
    mine = ours.query(pick).set_index("model").loc["good", ["value", "low", "high", "pages"]].tolist()
    assert scores.query(pick)[["value", "low", "high", "pages"]].iloc[0].tolist() == pytest.approx(mine)


def test_a_file_joins_the_leaderboard(answers, predictions, manifest):
    scores = submission.score_submission(submission.check_submission(answers, manifest), manifest, name="theirs", **FEW)
    board = submission.leaderboard(ladder.ladder(predictions, manifest, **FEW), scores)
    assert board["rank"].tolist() == [1, 2, 3] and board["model"].tolist()[-1] == "weak"
    assert set(board["model"]) == {"good", "weak", "theirs"}


def spoil(table, what):
    if what == "missing page":
        return table[1:]
    if what == "doubled page":
        return pd.concat([table, table[:1]])
    if what == "foreign page":
        return table.replace({table["page_id"][0]: "stranger"})
    if what == "unseen page":
        return table.replace({table["page_id"][0]: "mi-out-0"})
    if what == "bad sum":
        return table.assign(p_mi=table["p_mi"].mask(table.index == 3, table["p_mi"] / 2 + 0.01))
    if what == "no number":
        return table.assign(p_mi=table["p_mi"].astype(object).mask(table.index == 3, "high"))
    if what == "negative":
        return table.assign(p_mi=table["p_mi"].mask(table.index == 3, -0.1))
    if what == "missing column":
        return table.drop(columns="p_history")
    return table.assign(fold=range(len(table)))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("missing page", r"1 of 152 pages have no row, the first is"),
        ("doubled page", r"stands 2 times"),
        ("foreign page", r"page stranger is not in the benchmark"),
        ("unseen page", r"page mi-out-0 is not a selected page"),
        ("bad sum", r"probabilities sum to 0\.\d+, not to 1 \(1 such rows\)"),
        ("no number", r"must be numbers from 0 to 1 \(1 such rows\)"),
        ("negative", r"must be numbers from 0 to 1"),
        ("missing column", r"column 'p_history' is missing"),
        ("group across folds", r"group .* stands in folds"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(answers, manifest, tmp_path, what, message):
    path = write(spoil(answers, what), tmp_path)
    with pytest.raises(ValueError, match=message) as error:
        submission.read_submission(path, manifest)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


def test_a_class_without_pages_cannot_be_scored(answers, manifest):
    without = manifest[(manifest["label"] != "history") | ~manifest["selected"]]
    with pytest.raises(ValueError, match="class 'history' has no page"):
        submission.check_submission(answers[answers["page_id"].isin(without["page_id"])], without)


def test_a_file_that_is_none_is_one_line(manifest, tmp_path):
    with pytest.raises(ValueError, match="no such prediction file"):
        submission.read_submission(tmp_path / "nothing.csv", manifest)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ValueError, match="not readable as CSV"):
        submission.read_submission(tmp_path / "empty.csv", manifest)


def test_on_the_complete_set_every_page_of_a_known_layout_is_asked_for(manifest):
    rows = manifest.assign(selected=False, layout="3x4")
    rows.loc[rows.index[0], "layout"] = "other"
    wanted = submission.benchmark_pages(rows, "complete")
    assert wanted["selected"].all() and len(wanted) == len(rows) - 1
    assert submission.benchmark_pages(rows, "selected") is rows
