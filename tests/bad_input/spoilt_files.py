"""Files that are no weights and no model, whoever asks for them."""

import os
import pickle

import h5py
import numpy as np


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


def other_version(path):
    """As older Keras wrote it, but of another model."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["a"]
        group = file.create_group("a")
        group.attrs["weight_names"] = ["kernel"]
        group["kernel"] = np.zeros((2, 9))
