"""The weights that a run learned, as arrays in one file; no pickle, and the shapes must fit."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np


def learning_layers(model: keras.Model, learned: frozenset[str]) -> list[keras.Layer]:
    """The layers with weights among those that learn, in the order of the graph."""
    return [layer for layer in model.layers if layer.weights and layer.name in learned]


def write_weights(path: Path, layers: Sequence[keras.Layer]) -> None:
    """The weights of layers, in the order of the graph, under numbers and names."""
    arrays = {
        f"{at:04d}.{number} {layer.name}": np.asarray(w)
        for at, layer in enumerate(layers)
        for number, w in enumerate(layer.weights)
    }
    np.savez(path, allow_pickle=False, **arrays)


def read_weights(path: Path, layers: Sequence[keras.Layer]) -> None:
    """Give layers the weights that `write_weights` kept.

    Raises:
        ValueError: the file is missing, damaged, or another model's.
    """
    try:
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as file:
            arrays = [np.asarray(file[name]) for name in sorted(file.files)]
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: no weights that can be read ({error})") from None
    places = [w for layer in layers for w in layer.weights]
    if [a.shape for a in arrays] != [tuple(p.shape) for p in places]:
        raise ValueError(f"{path}: holds the weights of another model")
    for place, array in zip(places, arrays, strict=True):
        place.assign(array)
