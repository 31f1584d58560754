"""A params file becomes a validated study, or one clear line."""

import pytest

from ecgstudy.study import Study

SMALL = {"name": "small", "models": ["majority"]}


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_params_file_and_its_content_give_the_same_study(tmp_path):
    file = write(tmp_path / "small.yaml", "study:\n  name: small\n  models: [majority]\n")
    assert Study.load(file) == Study.load(SMALL)


def test_a_study_survives_being_written_as_plain_data():
    assert Study.load(Study.load(SMALL).content) == Study.load(SMALL)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"traning": {}}, r"unknown key 'traning'; did you mean 'training'\?"),
        ({"image": {"hight": 3}}, r"image\.hight: unknown key 'hight'; did you mean 'height'\?"),
        ({"training": {"models": {"mobilenet": {"epoch": 3}}}}, r"unknown key 'epoch'; did you mean 'epochs'\?"),
        ({"splits": {"folds": 1}}, r"splits\.folds: input should be greater than or equal to 2 \(got 1\)"),
        ({"splits": {"protocols": ["random"]}}, r"splits\.protocols\.0: .*'as_published'.*\(got 'random'\)"),
        ({"models": []}, r"models: .*at least 1"),
        ({"ablations": ["majority"]}, r"models and ablations: 'majority' stands there twice; name it once"),
        ({"name": "../escape"}, r"name: .*pattern"),
    ],
)
def test_a_wrong_parameter_names_its_key_and_what_is_allowed(change, message):
    with pytest.raises(ValueError, match=message) as caught:
        Study.load(SMALL | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "single top key 'study'"),
        ("study: {name: a}\nother: 1\n", "single top key 'study'"),
        ("study: [", "not readable as YAML"),
    ],
)
def test_a_file_that_is_no_params_file_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"wrong\.yaml: .*{message}"):
        Study.load(write(tmp_path / "wrong.yaml", text))


def test_a_missing_params_file_says_where_the_others_are(tmp_path):
    with pytest.raises(ValueError, match=r"no such params file; the study's own are in params/"):
        Study.load(tmp_path / "none.yaml")


def test_another_data_source_gets_a_folder_of_its_own():
    first, second = (Study.load(SMALL, data=path) for path in ("/pages/a", "/pages/b"))
    assert len({first.name, second.name, "small"}) == 3


def test_a_model_keeps_the_common_recipe_but_for_its_own_changes():
    training = {"epochs": 7, "models": {"baseline_cnn": {"train_from": "all"}}}
    recipe = Study.load(SMALL | {"training": training}).training.recipe("baseline_cnn")
    assert (recipe.epochs, recipe.train_from) == (7, "all")
