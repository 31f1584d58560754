"""Files of weights and of models that are none, are another's, or hold code: refused in one line, no code is run."""

import json
import os
import pickle
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

from ecgstudy import cli
from ecgstudy.models import weights
from ecgstudy.training import weights_file


def network(units=3):
    layers = [keras.Input((2,)), keras.layers.Dense(units, name="a"), keras.layers.Dense(2, name="b")]
    return keras.Sequential(layers)


class Trap:
    """What a pickle can do: make a folder when it is opened."""

    def __reduce__(self):
        return os.mkdir, ("sprung",)


def text(path):
    path.write_bytes(b"weights")


def nothing(path):
    path.write_bytes(b"")


def disguised_pickle(path):
    path.write_bytes(pickle.dumps(Trap()))


def half(path):
    network().save_weights(path)
    path.write_bytes(path.read_bytes()[:5000])


def other_shapes(path):
    network(units=4).save_weights(path)


def other_content(path):
    with h5py.File(path, "w") as file:
        file["x"] = 1


def other_version(path):
    """As older Keras wrote it, but of another model."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["a"]
        group = file.create_group("a")
        group.attrs["weight_names"] = ["kernel"]
        group["kernel"] = np.zeros((2, 9))


def lambda_layer(path):
    """A model whose layer holds code."""
    keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: 2 * x)]).save(path)


def folder(path):
    path.mkdir()


BY_NAME = "not the weights of this backbone ("
FILES = {
    "text": ("w.h5", text, BY_NAME + "Unable to synchronously open file (file signature not found))"),
    "empty": ("w.weights.h5", nothing, BY_NAME + "Unable to synchronously open file (file signature not found))"),
    "a pickle in disguise": (
        "w.h5", disguised_pickle, BY_NAME + "Unable to synchronously open file (file signature not found))",
    ),
    "cut off": (
        "w.weights.h5", half, BY_NAME + "Unable to synchronously open file "
        "(truncated file: eof = 5000, sblock->base_addr = 0, stored_eof = 14512))",
    ),
    "other shapes": (
        "w.weights.h5", other_shapes, BY_NAME + "A total of 2 objects could not be loaded. Example error message for "
        "object <Dense name=a, built=True>: The shape of the target variable and the shape of the tar)",
    ),
    "other content": (
        "w.h5", other_content,
        BY_NAME + "\"Unable to synchronously open attribute (can't locate attribute: 'layer_names')\")",
    ),
    "another model of an older Keras": ("w.h5", other_version, BY_NAME + "1 arrays, expected 4)"),
    "a Lambda layer, which holds code": (
        "w.keras", lambda_layer, BY_NAME + "A total of 2 objects could not be loaded. Example error message for "
        "object <Dense name=a, built=True>: Layer 'a' expected 2 variables, but received 0 variables )",
    ),
    "a folder": ("w.h5", folder, "no such file; choose imagenet, offline, random or a file in Keras' format"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "make", "message"), FILES.values(), ids=FILES)
def test_a_file_that_is_not_this_backbones_weights(tmp_path, said, monkeypatch, name, make, message):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / name)
    assert said(weights.load, network(), "plain", str(tmp_path / name)) == f"weights: {name}: {message}"
    assert not (tmp_path / "sprung").exists()


def spoilt(change):
    def make(path):
        weights_file.write_weights(path, network().layers)
        path.write_bytes(change(path.read_bytes()))

    return make


def pickled_array(path):
    np.savez(path, a=np.array([Trap()], dtype=object))


def pickle_in_a_zip(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.npy", pickle.dumps(Trap()))


def of_another_model(path):
    weights_file.write_weights(path, network(units=5).layers)


NONE = "no weights that can be read ("
RUNS = {
    "missing": (lambda path: None, NONE + "[Errno 2] No such file or directory: 'weights.npz')"),
    "empty": (nothing, NONE + "File is not a zip file)"),
    "cut off": (spoilt(lambda content: content[:100]), NONE + "File is not a zip file)"),
    "a flipped byte": (
        spoilt(lambda c: c[:150] + bytes([c[150] ^ 255]) + c[151:]),
        NONE + "Bad CRC-32 for file '0000.0 a.npy')",
    ),
    "a pickle in disguise": (disguised_pickle, NONE + "File is not a zip file)"),
    "a pickled array": (pickled_array, NONE + "Object arrays cannot be loaded when allow_pickle=False)"),
    "a pickle in a zip": (pickle_in_a_zip, "holds the weights of another model"),
    "another model's": (of_another_model, "holds the weights of another model"),
}


@pytest.mark.parametrize(("make", "message"), RUNS.values(), ids=RUNS)
def test_a_file_that_is_not_what_a_run_learned(tmp_path, said, monkeypatch, make, message):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "weights.npz")
    line = said(weights_file.read_weights, tmp_path / "weights.npz", network().layers)
    assert line == f"weights.npz: {message}"
    assert not (tmp_path / "sprung").exists()


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
