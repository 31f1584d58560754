"""Files of models that are none, are another's, or hold code: refused in one line, no code is run."""

import json
import pickle
import sys
import zipfile

import keras
import pytest

from ecgstudy import cli

from .spoilt_files import Trap, disguised_pickle, nothing, other_version, text

STUDY = {
    "name": "models",
    "data": {"source": "synthetic", "synthetic_pages": 48},
    "image": {"height": 16, "width": 28},
    "splits": {"protocols": ["grouped"], "folds": 2},
    "models": ["majority"],
}
ADVICE = "a model that learned from these pages scores too high; then score held-out answers, as a CSV with `fold`"


def classifier(*shape, units=4, layers=(), **options):
    last = keras.layers.Dense(units, name="classes", **{"activation": "softmax"} | options)
    return keras.Sequential([keras.Input(shape or (16, 28, 3)), *layers, keras.layers.Flatten(), last])


def archive(path, *, without="", **changed):
    """A model's archive with members left out or changed: `config=function` and `weights=function` of their bytes."""
    classifier().save(path)
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist() if name != without}
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            change = changed.get({"config.json": "config", "model.weights.h5": "weights"}.get(name, ""), bytes)
            file.writestr(name, change(content))


def cut_off(path):
    classifier().save(path)
    path.write_bytes(path.read_bytes()[:-30])


def of_a_newer_keras(path):
    archive(path, config=lambda content: content.replace(b'"Flatten"', b'"Flatter"'))


def of_other_weights(path):
    classifier(8, 8, 3).save(path)
    with zipfile.ZipFile(path) as file:
        other = file.read("model.weights.h5")
    archive(path, weights=lambda content: other)


def a_command_as_layer(path):
    command = {"module": "os", "class_name": "mkdir", "registered_name": None, "config": {"path": "sprung"}}
    archive(path, config=lambda content: json.dumps(command).encode())


def a_layer_alone(path):
    layer = keras.saving.serialize_keras_object(keras.layers.Flatten())
    archive(path, config=lambda content: json.dumps(layer).encode())


def two_inputs(path):
    inputs = [keras.Input((16, 28, 3)) for _ in range(2)]
    keras.Model(inputs, keras.layers.Add()(inputs)).save(path)


def two_outputs(path):
    page = keras.Input((16, 28, 3))
    flat = keras.layers.Flatten()(page)
    keras.Model(page, [keras.layers.Dense(4)(flat), keras.layers.Dense(4)(flat)]).save(path)


CLOSED = "not a model that can be opened "
NO_ARCHIVE = CLOSED + "(no .keras archive, or one that was cut off)"
ONE_PICTURE = "needed is one picture of fixed size, (None, height, width, 3)"
MODELS = {
    "missing": (lambda path: None, "no such file or folder; the study's own params files are in params/"),
    "text": (text, NO_ARCHIVE),
    "empty": (nothing, NO_ARCHIVE),
    "a pickle in disguise": (disguised_pickle, NO_ARCHIVE),
    "cut off": (cut_off, NO_ARCHIVE),
    "of an older Keras": (other_version, NO_ARCHIVE),
    "a zip without a model": (
        lambda path: archive(path, without="config.json"),
        CLOSED + "(\"There is no item named 'config.json' in the archive\")",
    ),
    "a zip without weights": (
        lambda path: archive(path, without="model.weights.h5"),
        CLOSED + "(Expected a model.weights.h5 or model.weights.npz file.)",
    ),
    "a pickle as config": (
        lambda path: archive(path, config=lambda content: pickle.dumps(Trap())),
        CLOSED + "('utf-8' codec can't decode byte 0x80 in position 0: invalid start byte)",
    ),
    "a command as layer": (
        a_command_as_layer,
        CLOSED + "(Could not locate class 'mkdir'. Make sure custom classes and functions are decorated with "
        "`@keras.saving.register_keras_serializable()`. If they are already decorated, make sure they are all [...])",
    ),
    "a Lambda layer, which holds code": (
        lambda path: classifier(layers=[keras.layers.Lambda(lambda x: 2 * x)]).save(path),
        CLOSED + "(it holds a Python function; no code of a file is run)",
    ),
    "of a newer Keras": (
        of_a_newer_keras,
        CLOSED + "(Could not deserialize 'keras.layers.Flatter' because it is not a KerasSaveable subclass)",
    ),
    "other weights": (
        of_other_weights,
        CLOSED + "(A total of 1 objects could not be loaded. Example error message for object <Dense name=classes, "
        "built=True>: The shape of the target variable and the shape of the target value in [...])",
    ),
    "no weights but text": (
        lambda path: archive(path, weights=lambda content: b"weights"),
        CLOSED + "(Unable to synchronously open file (file signature not found))",
    ),
    "a layer alone": (a_layer_alone, CLOSED + "(it holds a Flatten)"),
    "grey pictures": (
        lambda path: classifier(16, 28, 1).save(path), f"reads [(None, 16, 28, 1)]; {ONE_PICTURE}",
    ),
    "vectors": (lambda path: classifier(12).save(path), f"reads [(None, 12)]; {ONE_PICTURE}"),
    "pictures of any size": (
        lambda path: keras.Sequential([keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D()]).save(path),
        f"reads [(None, None, None, 3)]; {ONE_PICTURE}",
    ),
    "two inputs": (two_inputs, f"reads [(None, 16, 28, 3), (None, 16, 28, 3)]; {ONE_PICTURE}"),
    "three classes": (
        lambda path: classifier(units=3).save(path), "answers of shape (3,); needed are the 4 probabilities",
    ),
    "two outputs": (two_outputs, "answers in 2 parts; needed are the 4 probabilities"),
    "scores that are no probabilities": (
        lambda path: classifier(
            activation=None, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(2)
        ).save(path),
        "answers from 2 to 2; needed are probabilities, from 0 to 1",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path_factory.mktemp("outputs")))
        yield


@pytest.mark.parametrize(("make", "message"), MODELS.values(), ids=MODELS)
def test_a_model_file_that_cannot_be_scored_is_one_line_and_exit_code_2(
    tmp_path, monkeypatch, capsys, outputs, make, message
):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "m.keras")
    (tmp_path / "tiny.yaml").write_text(json.dumps({"study": STUDY}))  # JSON is YAML
    monkeypatch.setattr(sys, "argv", ["ecgstudy", "evaluate", "m.keras", "--params", "tiny.yaml"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    told = capsys.readouterr()
    assert end.value.code == 2 and told.out == ""
    said = [line for line in told.err.splitlines() if line not in (ADVICE, "preparing models")]
    assert said == [f"ecgstudy: m.keras: {message}"]
    assert not (tmp_path / "sprung").exists()
