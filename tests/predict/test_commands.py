"""predict, trace, release and evaluate as commands, on a tiny study."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from ecgstudy import cli
from ecgstudy.data.manifest import read_manifest
from ecgstudy.pages import draw
from ecgstudy.release.load import RECORD
from ecgstudy.training import runs
from ecgstudy.vocabulary import CLASSES, DISCLAIMER, PROBABILITIES


@pytest.fixture
def command(capsys, monkeypatch, outputs):
    """A function: run `ecgstudy` with these words; gives exit code, stdout, stderr."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["ecgstudy", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        told = capsys.readouterr()
        return end.value.code or 0, told.out, told.err

    return run


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A page, a folder below with a page in a PDF, and a picture that is no ECG."""
    folder = tmp_path_factory.mktemp("scans")
    pages = [PIL.Image.fromarray(draw.synthetic_page(number, seed=77, size="page").picture) for number in (5, 6)]
    pages[0].save(folder / "page.png")
    (folder / "more").mkdir()
    pages[1].save(folder / "more" / "page.pdf", resolution=200)
    PIL.Image.new("RGB", (1400, 900), "white").save(folder / "white.jpg")
    return folder


@pytest.fixture
def params(grid_study, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(json.dumps({"study": grid_study.content}))  # JSON is YAML
    return path


def test_a_folder_becomes_json_with_refusals_among_the_answers(command, scans, released):
    code, out, err = command("predict", scans, "--json", "--model", "tiny-grid", "--no-leads")
    found = json.loads(out)
    assert code == 0 and [one["refused"] for one in found] == [False, False, True]
    assert [one["path"].rpartition("/")[2] for one in found] == ["page.pdf", "page.png", "white.jpg"]
    assert found[2]["reason"] == "not an ECG" and err.count("page.p") == 2  # progress, on stderr


def test_words_table_and_figures_say_the_same(command, scans, released, tmp_path):
    code, out, err = command(
        "predict", scans, "--model", "tiny-grid", "--csv", tmp_path / "out.csv", "--figure", tmp_path / "figures"
    )
    table = pd.read_csv(tmp_path / "out.csv")
    assert code == 0 and list(table["refused"]) == [False, False, True] and "table: " in err
    assert np.allclose(table.loc[:1, [f"p_{name}" for name in CLASSES]].sum(axis=1), 1, atol=1e-3)
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"page.png", "page~2.png", "white.png"}
    assert DISCLAIMER in out and "balanced accuracy" in out and released.name in out
    assert f"mi {table['p_mi'][1]:.2f}" in out and "refused, not an ECG" in out


def test_where_nothing_can_be_judged_the_exit_code_is_1(command, scans, released):
    code, out, _ = command("predict", scans / "white.jpg", "--model", "tiny-grid")
    assert code == 1 and "refused" in out


def test_a_model_that_is_not_there_is_one_line(command, scans):
    code, out, err = command("predict", scans / "page.png", "--model", "none")
    assert code == 2 and out == "" and "no released model" in err and err.count("\n") == 1


def test_traces_are_written_and_the_unreadable_is_named(command, scans, tmp_path):
    code, out, err = command("trace", scans, "--folder", tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert code == 0 and len(out.split()) == len(names) == 6 and {"page.csv", "page.hea", "page.dat"} <= names
    assert "white.jpg: refused, not an ECG" in err
    assert command("trace", scans / "white.jpg", "--folder", tmp_path)[0] == 1


def test_traces_as_json_name_every_file_and_every_refusal(command, scans, tmp_path):
    code, out, _ = command("trace", scans, "--folder", tmp_path, "--json")
    rows = json.loads(out)
    assert code == 0 and [row["refused"] for row in rows] == [False, False, True]
    assert sorted(Path(file).name for row in rows for file in row["files"]) == sorted(
        p.name for p in tmp_path.iterdir()
    )
    assert (rows[0]["layout"], rows[0]["reason"]) == ("3x4", None) and rows[0]["read"] > 0.9
    assert (rows[2]["layout"], rows[2]["reason"], rows[2]["files"]) == (None, "not an ECG", [])


def test_training_as_json_lists_every_run_with_its_folder(command, grid_study, params):
    code, out, _ = command("train", params, "--json")
    rows = json.loads(out)
    assert code == 0 and {row["model"] for row in rows} == {"majority", "thumbnail"}
    assert all((Path(row["folder"]) / "run.json").is_file() for row in rows)
    assert {Path(row["folder"]).name for row in rows} == {run.name for run in runs.study_runs(grid_study)}


def test_a_report_as_json_names_what_it_was_made_from(command, grid_study, params):
    (grid_study.folder / "tables").mkdir(exist_ok=True)
    (grid_study.folder / "tables" / "headline.csv").write_text("model\nthumbnail\n")
    code, out, _ = command("report", params, "--json")
    told = json.loads(out)
    assert code == 0 and Path(told["report"]).is_file()
    assert [Path(file).name for file in told["tables"]] == ["headline.csv"] and told["figures"] == []


def test_explanations_as_json_have_each_sentence_and_every_file(command, scans, tmp_path):
    """A network of one epoch: what it says is nonsense, but it is said of the right picture."""
    tiny = {
        "name": "tiny-network", "data": {"source": "synthetic", "synthetic_pages": 48},
        "image": {"height": 64, "width": 112}, "splits": {"protocols": ["grouped"], "folds": 2},
        "models": ["efficientnet_lite0"], "training": {"epochs": 1, "batch_size": 16},
    }  # fmt: skip
    (tmp_path / "net.yaml").write_text(json.dumps({"study": tiny}))
    code, _, err = command("train", tmp_path / "net.yaml")
    assert code == 0, err
    name = tmp_path / "a: page.png"
    shutil.copy(scans / "page.png", name)
    words = ("--params", tmp_path / "net.yaml", "--model", "efficientnet_lite0", "--method", "lead_occlusion")
    code, out, _ = command("explain", name, scans / "white.jpg", *words, "--folder", tmp_path / "one", "--json")
    told = json.loads(out)
    assert code == 1 and [row["path"] for row in told["explained"]] == [str(name)]
    assert list(told["failed"]) == [str(scans / "white.jpg")]
    assert sorted(map(Path, told["files"])) == sorted((tmp_path / "one").iterdir()) and len(told["files"]) == 4
    code, out, _ = command("explain", *words, "--pages", 2, "--folder", tmp_path / "two", "--json")
    told = json.loads(out)
    assert code == 0 and len(told["explained"]) == 2 and len(told["files"]) == 9
    assert {row["label"] for row in told["explained"]} <= set(CLASSES)


def test_a_release_is_packed_and_suggested(command, grid_study, params):
    code, out, err = command("release", params)
    assert code == 0 and (grid_study.folder / "models" / "best" / RECORD).is_file() and "models/best" in out
    assert "next: ecgstudy predict page.jpg --model tiny-grid" in err


def test_a_study_a_run_and_a_release_are_evaluated(command, grid_study, params, released):
    code, out, _ = command("evaluate", params, "--json")
    assert code == 0 and {row["model"] for row in json.loads(out)} >= {"thumbnail"}
    run = next(one for one in runs.study_runs(grid_study, ["thumbnail"]) if one.protocol == "grouped")
    folder = runs.runs_folder(grid_study) / run.name
    code, out, _ = command("evaluate", folder, "--params", params, "--json")
    assert code == 0 and {row["protocol"] for row in json.loads(out)} == {"grouped", "unseen"}
    code, out, _ = command("evaluate", released.folder, "--json")
    rows = json.loads(out)
    assert code == 0 and rows[0]["metric"] == "balanced_accuracy" and len(rows) == 10


def test_a_prediction_file_stands_among_the_studys_models(command, grid_study, params, tmp_path):
    manifest = read_manifest(grid_study.folder / "manifest.csv").query("selected").drop_duplicates("page_id")
    right = np.eye(len(CLASSES))[manifest["label"].map(CLASSES.index)]
    pd.DataFrame(right, columns=list(PROBABILITIES)).assign(page_id=manifest["page_id"].to_numpy()).to_csv(
        tmp_path / "oracle.csv", index=False
    )
    for words in (("evaluate", tmp_path / "oracle.csv", "--params", params),
                  ("evaluate", params, "--predictions", tmp_path / "oracle.csv")):  # fmt: skip
        code, out, _ = command(*words, "--json")
        rows = json.loads(out)
        assert code == 0 and (rows[0]["model"], rows[0]["value"]) == ("oracle", 1.0) and len(rows) == 3


def test_a_model_file_is_asked_about_the_studys_pages_and_runs_no_code_of_its_own(command, params, tmp_path):
    import keras

    def saved(name, *layers):
        keras.Sequential([keras.Input((16, 28, 3)), *layers]).save(tmp_path / name)
        return tmp_path / name

    flat, softmax = keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")
    code, out, err = command("evaluate", saved("mine.keras", flat, softmax), "--params", params, "--json")
    assert code == 0 and "mine" in {row["model"] for row in json.loads(out)} and "scores too high" in err
    code, _, err = command("evaluate", saved("three.keras", flat, keras.layers.Dense(3)), "--params", params)
    assert code == 2 and "needed are the 4 probabilities" in err
    danger = keras.layers.Lambda(lambda x: x)
    code, _, err = command("evaluate", saved("code.keras", danger, flat, softmax), "--params", params)
    assert code == 2 and "not a model that can be opened" in err
