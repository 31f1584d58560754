"""Files of weights that are none, are another's, or hold code: refused in one line, no code is run."""

import pickle
import zipfile

import h5py
import keras
import numpy as np
import pytest

from ecgstudy.models import weights
from ecgstudy.training import weights_file

from .spoilt_files import Trap, disguised_pickle, nothing, other_version, text


def network(units=3):
    layers = [keras.Input((2,)), keras.layers.Dense(units, name="a"), keras.layers.Dense(2, name="b")]
    return keras.Sequential(layers)


def half(path):
    network().save_weights(path)
    path.write_bytes(path.read_bytes()[:5000])


def other_shapes(path):
    network(units=4).save_weights(path)


def other_content(path):
    with h5py.File(path, "w") as file:
        file["x"] = 1


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
