"""Controls and learning curves: what a run learns from instead, and that its test part stays what it is."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ecgstudy.data import prepare, splits
from ecgstudy.data.synthetic import synthetic
from ecgstudy.pages import draw
from ecgstudy.pages.ink import ink
from ecgstudy.pages.layout import find_layout
from ecgstudy.training import control_pictures, parts, runs, tables, variants
from ecgstudy.vocabulary import CLASSES, PROBABILITIES

ALL = {
    "controls": ["masked_trace", "how_made", "permuted_labels"],
    "learning_shares": [0.5],
    "control_model": "thumbnail",
}


def quiet(line: str) -> None:
    """Takes progress and says nothing."""


def run_of(variant: str, *, fold: int = 0) -> runs.Run:
    return runs.Run("thumbnail", "grouped", fold, 0, variant)


@pytest.fixture(scope="module")
def own() -> parts.Parts:
    """The parts of one grouped fold of 120 synthetic pages."""
    manifest = synthetic(120).manifest
    table = splits.make_splits(manifest, protocols=("grouped", "unseen"), folds=3)
    return parts.run_parts(run_of("clean"), manifest, table)


def finished(study) -> dict[str, bytes]:
    """Folder -> the very bytes of its predictions."""
    return {path.parent.name: path.read_bytes() for path in runs.runs_folder(study).glob("*/predictions.csv")}


def balanced_accuracy(rows: pd.DataFrame, labels: pd.Series) -> float:
    found = rows[list(PROBABILITIES)].to_numpy().argmax(axis=1)
    truth = rows["page_id"].map(labels).map(CLASSES.index).to_numpy()
    return float(np.mean([(found[truth == c] == c).mean() for c in np.unique(truth)]))


def test_permuted_labels_leave_test_labels_alone(own):
    changed = variants.variant_parts(run_of("permuted_labels"), own)
    pd.testing.assert_frame_equal(changed.test, own.test)
    for before, after in ((own.train, changed.train), (own.validation, changed.validation)):
        assert list(after["page_id"]) == list(before["page_id"])
        assert sorted(after["target"]) == sorted(before["target"]) and (after["target"] != before["target"]).any()
        assert list(after["label"].map(CLASSES.index)) == list(after["target"])


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_share_learns_from_that_share_of_the_groups(own, share):
    changed = variants.variant_parts(run_of(f"share-{share}"), own)
    for before, after in ((own.train, changed.train), (own.validation, changed.validation)):
        groups = set(after["group"])
        # each class rounds by itself: half a group each, or the one group that must stay
        assert len(groups) == pytest.approx(share * before["group"].nunique(), abs=2.5)
        assert len(after) == before["group"].isin(groups).sum()  # whole groups
        assert set(after["label"]) == set(before["label"])
    assert len(changed.test) == len(own.test) and changed.unseen.empty


def test_a_smaller_share_is_part_of_a_larger_one(own):
    few, more = (set(variants.share_of_groups(own.train, share, seed=3)["page_id"]) for share in (0.25, 0.5))
    assert few < more


def test_groups_of_one_class_are_drawn_apart_from_those_of_another():
    """Every class loses the same share, also the one that has a tenth of the pages."""
    rows = pd.DataFrame({"target": [0] * 20 + [3] * 180, "group": [f"g{n:03d}" for n in range(200)]})
    kept = variants.share_of_groups(rows, 0.5, seed=0)
    assert kept["target"].value_counts().to_dict() == {3: 90, 0: 10}


def test_masked_pictures_hold_no_ink_and_no_ghost_of_it():
    """Under the frame's line all is one piece of paper again and again, whatever was written there."""
    pages = synthetic(24)
    for page_id in pages.distinct["page_id"][:4]:
        picture = pages.picture(page_id)
        scale = find_layout(picture).pixels_per_mm
        masked = control_pictures.masked_trace(picture, "grid")
        inside = masked[8:-8, 8:-8]
        assert (ink(picture, scale) > 0.5).mean() > 0.01
        assert inside.min() > 120  # a stroke is black
        side = 2 * round(5 * scale)
        assert np.array_equal(inside[:side, :side], inside[side : 2 * side, 2 * side : 3 * side])


@pytest.mark.parametrize("layout", ["3x4", "6x2grid"])
def test_controls_of_the_whole_page_show_nothing_of_the_heart(layout):
    """Two hearts on one form with one number and one rate: the controls cannot tell them apart."""
    hearts = [draw.plan_page(n, seed=0, layouts=(layout,), label=c).recording for n, c in ((1, "mi"), (2, "normal"))]
    pages = [draw.draw_page(replace(heart, rate=70), layout=layout, size="page", number=5) for heart in hearts]
    assert not np.array_equal(pages[0].picture, pages[1].picture)
    for control in control_pictures.WHOLE_PAGE:
        one, other = (control_pictures.PICTURES[control](page.picture, "page").astype(int) for page in pages)
        assert np.abs(one - other).mean() < 0.1, control
        assert one.min() < 150, control  # there is something to see


def test_how_a_page_was_made_is_what_the_manifest_knows_of_it():
    table = variants.how_made(synthetic(24).manifest.assign(lead_off=False, low_quality=True))
    assert set(np.unique(table)) == {0.0, 1.0} and (table.filter(like="strip_lead").sum(axis=1) == 1).all()
    assert {"layout_3x4", "lead_off_False", "low_quality_True"} <= set(table)


def test_permuted_labels_end_near_chance_where_true_ones_are_learned(own, outputs):
    """Chance is a mean over permutations: any one of them may happen to map a class on itself."""
    everything = pd.concat([own.train, own.validation, own.test]).reset_index(drop=True)
    page_rows = {page: row for row, page in enumerate(everything["page_id"])}
    pixels = np.random.default_rng(0).normal(size=(len(everything), 448))
    pixels += 0.5 * (np.arange(448) % len(CLASSES) == everything["target"].to_numpy()[:, None])

    def score(variant: str, seed: int) -> float:
        run = runs.Run("thumbnail", "grouped", 0, seed, variant)
        tables.train(run, variants.variant_parts(run, own), pixels, page_rows, outputs / run.name)
        answers = pd.read_csv(outputs / run.name / "predictions.csv", dtype={"page_id": str}).query("part == 'test'")
        return balanced_accuracy(answers, everything.set_index("page_id")["label"])

    assert score("clean", 0) > 0.8
    assert np.mean([score("permuted_labels", seed) for seed in range(8)]) == pytest.approx(0.25, abs=0.1)


def test_variants_answer_the_test_part_beside_the_clean_runs(study, make_study):
    asked = make_study(evaluation=ALL)
    made = variants.run_variants(asked, progress=quiet)
    assert len(made) == 4 * 2  # three controls and a share, two folds
    found = runs.read_predictions(asked).query("model == 'thumbnail' and protocol == 'grouped'")
    expected = sorted(found.query("variant == 'clean' and part == 'test'")["path"])
    for variant in ("masked_trace", "how_made", "permuted_labels", "share-0.5"):
        rows = found[found["variant"] == variant]
        assert sorted(rows["path"]) == expected and set(rows["part"]) == {"test"}
    assert set(runs.read_predictions(study)["variant"]) == {"clean"}  # of the study that asks for none


def test_killed_variants_go_on_and_give_the_same_bytes(study, make_study, outputs, monkeypatch):
    asked, counts = make_study(models=["thumbnail"], evaluation=ALL), []

    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(variants, "_train_how_made", killed)
        with pytest.raises(KeyboardInterrupt):
            variants.run_variants(asked, progress=quiet)
    before = finished(asked)
    assert before
    variants.run_variants(asked, progress=counts.append)
    assert "6 of 8 runs of controls and shares to train" in counts
    assert before.items() < finished(asked).items()
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(outputs / "again"))
    variants.run_variants(asked, progress=quiet)
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(outputs))
    again = {path.parent.name: path.read_bytes() for path in outputs.glob("again/tiny/runs/*/predictions.csv")}
    assert again == finished(asked)


def test_a_network_learns_variants_on_its_frozen_prefix(study, make_study):
    """The pictures of permuted labels and shares are the clean ones, so their prefix is there already."""
    lines: list[str] = []
    asked = {"controls": ["permuted_labels"], "learning_shares": [0.25], "control_model": "efficientnet_lite0"}
    made = variants.run_variants(make_study(evaluation=asked), progress=lines.append)
    assert len(made) == 4 and not any("frozen prefix" in line for line in lines)
    assert any("share-0.25, fold 1" in line for line in lines)


def test_packed_pages_leave_controls_of_header_and_footer_out_with_one_warning(make_study, outputs):
    asked = make_study(evaluation={"controls": ["header_only", "footer_only"], "control_model": "thumbnail"})
    with pytest.warns(UserWarning, match="left out: header_only, footer_only; these pages show the waveform area") as w:
        prepare.open_study(asked)
        assert variants.run_variants(asked, progress=quiet) == []
    assert sum("left out" in str(warning.message) and "header_only" in str(warning.message) for warning in w) == 1


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("mobilenet", "control_model: 'mobilenet' is none of the study's models"),
        ("heart_rate", "control_model: heart_rate reads rate, not a page"),
    ],
)
def test_a_control_model_that_cannot_serve_is_refused_by_name(make_study, outputs, model, message):
    with pytest.raises(ValueError, match=message):
        variants.run_variants(make_study(evaluation=ALL | {"control_model": model}), progress=quiet)


def test_learning_from_something_else_makes_another_run(study, make_study):
    asked = make_study(evaluation=ALL)
    keys = [run.key for run in (*runs.study_runs(asked, ["thumbnail"]), *runs.variant_runs(asked))]
    assert len(set(keys)) == len(keys)
    assert not runs.variant_runs(asked, ["majority"])
