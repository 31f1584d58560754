"""Every kind of mistake in a params file stops the study at once, in one line with the key."""

import pytest

from ecgstudy import workflow
from ecgstudy.study import Study

SMALL = {"name": "small", "models": ["majority"]}

MISTAKES = {
    "an unknown section": ({"traning": {}}, "traning: unknown key 'traning'; did you mean 'training'?"),
    "an unknown key": ({"image": {"hight": 3}}, "image.hight: unknown key 'hight'; did you mean 'height'?"),
    "an unknown key without a neighbour": (
        {"data": {"x": 1}},
        "data.x: unknown key 'x'; choose from on_bad_image, pages, seed, source, synthetic_pages",
    ),
    "an unknown key for one model": (
        {"training": {"models": {"mobilenet": {"epoch": 3}}}},
        "training.models.mobilenet.epoch: unknown key 'epoch'; did you mean 'epochs'?",
    ),
    "a wrong value for one model": (
        {"training": {"models": {"mobilenet": {"epochs": -3}}}},
        "training.models.mobilenet.epochs: input should be greater than 0 (got -3)",
    ),
    "a model's recipe that is a number": (
        {"training": {"models": {"mobilenet": 3}}},
        "training.models.mobilenet: input should be a mapping of keys to values (got 3)",
    ),
    "a list where a mapping belongs": (
        {"training": {"models": ["mobilenet"]}},
        "training.models: input should be a mapping of keys to values (got ['mobilenet'])",
    ),
    "nothing where a section belongs": (
        {"image": None}, "image: input should be a mapping of keys to values (got None)",
    ),
    "one fold": ({"splits": {"folds": 1}}, "splits.folds: input should be greater than or equal to 2 (got 1)"),
    "a word for a number": (
        {"splits": {"folds": "many"}},
        "splits.folds: input should be a valid integer, unable to parse string as an integer (got 'many')",
    ),
    "half a fold": (
        {"splits": {"folds": 2.5}},
        "splits.folds: input should be a valid integer, got a number with a fractional part (got 2.5)",
    ),
    "an unknown protocol": (
        {"splits": {"protocols": ["random"]}},
        "splits.protocols.0: input should be 'as_published', 'distinct', 'grouped' or 'unseen' (got 'random')",
    ),
    "no protocol": (
        {"splits": {"protocols": []}},
        "splits.protocols: list should have at least 1 item after validation, not 0 (got [])",
    ),
    "a protocol twice": (
        {"splits": {"protocols": ["distinct", "distinct"]}},
        "splits.protocols: 'distinct' stands there twice; name it once",
    ),
    "no seed": (
        {"splits": {"seeds": []}}, "splits.seeds: list should have at least 1 item after validation, not 0 (got [])",
    ),
    "a negative seed": (
        {"splits": {"seeds": [-1]}}, "splits.seeds.0: input should be greater than or equal to 0 (got -1)",
    ),
    "a seed twice": ({"splits": {"seeds": [1, 1]}}, "splits.seeds: 1 stands there twice; name it once"),
    "too large a validation part": (
        {"splits": {"validation": 0.7}}, "splits.validation: input should be less than 0.5 (got 0.7)",
    ),
    "no model": ({"models": []}, "models: list should have at least 1 item after validation, not 0 (got [])"),
    "one model without brackets": ({"models": "majority"}, "models: input should be a list (got 'majority')"),
    "a number for a model": ({"models": [3]}, "models.0: input should be a valid string (got 3)"),
    "a model twice": (
        {"models": ["majority", "majority"]}, "models and ablations: 'majority' stands there twice; name it once",
    ),
    "a name that leaves the folder": (
        {"name": "../escape"}, "name: string should match pattern '^[a-z][a-z0-9_-]{0,79}$' (got '../escape')",
    ),
    "no name": ({"name": ""}, "name: string should match pattern '^[a-z][a-z0-9_-]{0,79}$' (got '')"),
    "a name that YAML takes for false": ({"name": False}, "name: input should be a valid string (got False)"),
    "a name that is kept for committed results": (
        {"name": "reference"}, "name: outputs/reference holds what is committed; choose another name",
    ),
    "no height": ({"image": {"height": 0}}, "image.height: input should be greater than 0 (got 0)"),
    "an unknown set of pages": (
        {"data": {"pages": "all"}}, "data.pages: input should be 'selected' or 'complete' (got 'all')",
    ),
    "an unknown way with bad pictures": (
        {"data": {"on_bad_image": "ignore"}}, "data.on_bad_image: input should be 'skip' or 'error' (got 'ignore')",
    ),
    "a learning rate of zero": (
        {"training": {"learning_rate": 0}}, "training.learning_rate: input should be greater than 0 (got 0)",
    ),
    "a learning rate without end": (
        {"training": {"learning_rate": float("inf")}},
        "training.learning_rate: input should be a finite number (got inf)",
    ),
    "a learning rate that is no number": (
        {"training": {"learning_rate": float("nan")}},
        "training.learning_rate: input should be a finite number (got nan)",
    ),
    "dropping everything": ({"training": {"dropout": 1.0}}, "training.dropout: input should be less than 1 (got 1.0)"),
    "neither true nor false": (
        {"training": {"class_weights": "maybe"}},
        "training.class_weights: input should be a valid boolean, unable to interpret input (got 'maybe')",
    ),
    "an unknown schedule": (
        {"training": {"schedule": "linear"}},
        "training.schedule: input should be 'constant' or 'cosine' (got 'linear')",
    ),
    "a level that is none": (
        {"evaluation": {"level": 0.3}}, "evaluation.level: input should be greater than 0.5 (got 0.3)",
    ),
    "a severity that is not there": (
        {"evaluation": {"robustness_severities": [6]}},
        "evaluation.robustness_severities.0: input should be less than or equal to 5 (got 6)",
    ),
    "a share of nothing": (
        {"evaluation": {"learning_shares": [0]}},
        "evaluation.learning_shares.0: input should be greater than 0 (got 0)",
    ),
    "no worker": ({"execution": {"workers": 0}}, "execution.workers: input should be greater than 0 (got 0)"),
    "an unknown engine": (
        {"execution": {"engine": "dask"}}, "execution.engine: input should be 'local' or 'ray' (got 'dask')",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_wrong_parameter_is_named_with_what_is_allowed(said, change, message):
    assert said(Study.load, SMALL | change) == f"parameters: {message}"


@pytest.mark.parametrize("lacking", ["name", "models"])
def test_a_missing_key_is_named(said, lacking):
    assert (
        said(Study.load, {k: v for k, v in SMALL.items() if k != lacking}) == f"parameters: {lacking}: field required"
    )


TOP = "a params file has the single top key 'study' with the parameters below it"
FILES = {
    "empty": (b"", TOP),
    "nothing below the key": (b"study:\n", TOP),
    "a list below the key": (b"study: [1]\n", TOP),
    "a second top key": (b"study: {name: a}\nother: 1\n", TOP),
    "no top key": (b"{name: small, models: [majority]}", TOP),
    "not closed": (b"study: [", "not readable as YAML (while parsing a flow node expected the node content, but found"),
    "a tab": (b"study:\n\tname: a\n", "not readable as YAML (while scanning for the next token found character '\\t'"),
    "not text": (b"\xff\xfe\x00", "not readable as YAML ('utf-8' codec can't decode byte 0xff in position 0"),
    "a key twice": (
        b"study: {name: a, models: [majority], name: b}", "not readable as YAML (key 'name' stands twice in one place)",
    ),
    "a file that contains itself": (b"study: &a {name: *a}\n", "name: input should be a valid string (got"),
    "code": (
        b"study: !!python/object/apply:os.mkdir ['made-by-yaml']\n",
        "not readable as YAML (could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object/apply:os.mkdir'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_params_file_is_named_and_runs_nothing(tmp_path, said, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.yaml").write_bytes(content)
    assert said(Study.load, tmp_path / "wrong.yaml").startswith(f"wrong.yaml: {message}")
    assert not (tmp_path / "made-by-yaml").exists()


def test_a_folder_or_nothing_is_no_params_file(tmp_path, said):
    message = "no such params file; the study's own are in params/"
    assert said(Study.load, tmp_path / "none.yaml") == f"none.yaml: {message}"
    assert said(Study.load, tmp_path) == f".: {message}"


NAMES = {
    "a model": ({"models": ["densenet"]}, "models: unknown model 'densenet'; did you mean 'densenet121'?"),
    "a model's recipe": (
        {"training": {"models": {"mobilnet": {}}}},
        "training.models: unknown model 'mobilnet'; did you mean 'mobilenet'?",
    ),
    "an explained model": (
        {"explanation": {"models": ["baseline"]}},
        "explanation.models: unknown model 'baseline'; did you mean 'baseline_cnn'?",
    ),
    "a method": (
        {"explanation": {"methods": ["grad_cam"]}},
        "explanation.methods: unknown method 'grad_cam'; did you mean 'gradcam'?",
    ),
    "a region": (
        {"image": {"region": "head"}},
        "image.region: unknown region 'head'; choose from page, grid, redrawn, or a box 'left,top,right,bottom'",
    ),
    "a box beyond the page": (
        {"image": {"region": "0,0,2,1"}},
        "image.region: box '0,0,2,1': needs 0 <= left < right <= 1 and 0 <= top < bottom <= 1",
    ),
    "a source": (
        {"data": {"source": "nowhere"}},
        "data.source: no folder or CSV 'nowhere'; give shipped, synthetic, or the path of your pages",
    ),
    "an empty source": (
        {"data": {"source": " "}},
        "data.source: no folder or CSV ' '; give shipped, synthetic, or the path of your pages",
    ),
}


@pytest.mark.parametrize(("change", "message"), NAMES.values(), ids=NAMES)
def test_a_name_that_means_nothing_stops_the_study_before_it_writes_anything(
    tmp_path, said, monkeypatch, change, message
):
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path / "outputs"))
    assert said(workflow.run_study, Study.load(SMALL | change)) == f"small: {message}"
    assert not (tmp_path / "outputs").exists()
