"""Where a network's first weights come from: Keras' ImageNet files, an installed package, chance, or a file."""

import os
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from ecgstudy.models import lite0


@dataclass(frozen=True)
class KerasFile:
    """A weights file of Keras' own, without the ImageNet classifier."""

    name: str
    folder: str  # below STORAGE
    digest: str | None  # MD5 or SHA-256, as Keras publishes it


STORAGE = "https://storage.googleapis.com/"
KERAS_FILES = {
    "mobilenet": KerasFile("mobilenet_1_0_224_tf_no_top.h5", "tensorflow/keras-applications/mobilenet/", None),
    "resnet50": KerasFile(
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", "tensorflow/keras-applications/resnet/",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
    "densenet121": KerasFile(
        "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5", "tensorflow/keras-applications/densenet/",
        "30ee3e1110167f948a6b9946edeeb738",
    ),
    "convnext_tiny": KerasFile(
        "convnext_tiny_notop.h5", "tensorflow/keras-applications/convnext/",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
    "efficientnet": KerasFile("efficientnetb0_notop.h5", "keras-applications/", "50bc09e76180e00e4465e1a485ddc09d"),
}  # fmt: skip


def load(trunk: keras.Model, backbone: str, source: str) -> None:
    """Give a backbone its first weights.

    Args:
        trunk: from the picture to the backbone's maps.
        backbone: its name in backbones.py.
        source: `imagenet`, `random` (drawn already, batch norms are set), or the path of a file of Keras' own
            format.

    Raises:
        ValueError: the weights cannot be had, or are another model's; the message says what to do.
    """
    if source == "random":
        _settle(trunk)
        return
    if source != "imagenet":
        load_keras_file(trunk, Path(source))
    elif backbone == "efficientnet_lite0":
        tensors = lite0.imagenet_weights()
        for layer in trunk.layers:
            if layer.weights:
                layer.set_weights(lite0.layer_weights(layer.name, tensors))
    else:
        load_keras_file(trunk, imagenet_file(backbone))


def _settle(trunk: keras.Model) -> None:
    """Set every batch norm of a random backbone to what it sees of drawn paper, so that signals neither die nor grow.

    As built, a batch norm in inference mode does nothing, and after fifty random layers every page gives the same
    numbers. One pass in training mode without memory of the past sets mean and variance, layer after layer. The paper
    is drawn here, so that no page of the data has a say in it.

    References:
        Mishkin and Matas 2016, arXiv:1511.06422 (unit variance layer by layer, from data).
    """
    norms = [layer for layer in trunk.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if not norms:
        return
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    trunk(_drawn_paper(*trunk.inputs[0].shape[1:]), training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum


def _drawn_paper(*shape: int, sheets: int = 8) -> np.ndarray:
    """White sheets with dark random walks on them: `(sheets, *shape)`, 0 to 255; shape ends in height, width, 3."""
    chance = np.random.default_rng(0)
    *boxes, height, width, _ = shape
    papers = np.full((sheets, *boxes, height, width, 3), 250.0, "float32")
    for paper in papers.reshape(-1, height, width, 3):
        for _ in range(4):
            rows = height * chance.random() + np.cumsum(chance.normal(scale=height / 40, size=width))
            paper[np.clip(rows.astype(int), 0, height - 1), np.arange(width)] = 30.0
    return papers


def imagenet_file(backbone: str) -> Path:
    """Keras' ImageNet weights of a backbone: from its cache, or downloaded there.

    Raises:
        ValueError: neither; the message names the file, where Keras looks for it, and the alternatives.
    """
    file = KERAS_FILES[backbone]
    folder = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    address = f"{STORAGE}{file.folder}{file.name}"
    try:
        return Path(keras.utils.get_file(file.name, address, cache_subdir="models", file_hash=file.digest))
    except Exception as error:  # Keras wraps every failure of a download in a plain Exception
        reason = " ".join(str(error).split())[-80:]
        raise ValueError(
            f"weights: imagenet: no {file.name} in {folder} and no download from {address} ({reason}); "
            "put the file there, or use weights: offline or random"
        ) from None


def load_keras_file(trunk: keras.Model, path: Path) -> None:
    """Load `.weights.h5` or `.keras` (Keras 3), or `.h5` (Keras' ImageNet files, older saved models) into a backbone.

    Of a `.keras` file only the weights are read, no code.

    Raises:
        ValueError: no such file, another format, or the weights of another model.
    """
    if not path.is_file():
        raise ValueError(f"weights: {path}: no such file; choose imagenet, offline, random or a file in Keras' format")
    try:
        if path.name.endswith((".weights.h5", ".keras")):
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)  # Keras only warns of layers that the file lacks
                trunk.load_weights(path)
        else:
            _load_by_order(trunk, path)
    except (OSError, KeyError, ValueError, UserWarning, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())[:160]
        raise ValueError(f"weights: {path}: not the weights of this backbone ({reason})") from None


def _load_by_order(trunk: keras.Model, path: Path) -> None:
    """The older format keeps arrays in order under names that vary; only shapes can tell a wrong file.

    Weights of Keras' own normalisation layer are left out: backbones.py has the same numbers in its feed.
    """
    with h5py.File(path) as file:
        group = file.get("model_weights", file)
        names = [_text(name) for name in group.attrs["layer_names"] if not _text(name).startswith("normalization")]
        saved = [[group[name][_text(w)][()] for w in group[name].attrs["weight_names"]] for name in names]
    arrays = [array for layer in saved for array in layer]
    places = [(layer, p) for layer in trunk.layers for p in layer.trainable_weights + layer.non_trainable_weights]
    if len(arrays) != len(places):
        raise ValueError(f"{len(arrays)} arrays, expected {len(places)}")
    for (layer, place), array in zip(places, arrays, strict=True):
        if isinstance(layer, keras.layers.DepthwiseConv2D) and array.ndim == 4 and array.shape[2] == 1:
            array = array.swapaxes(2, 3)  # kept as a convolution in groups of one channel
        if array.shape != tuple(place.shape):
            raise ValueError(f"layer {layer.name}: shape {array.shape}, expected {tuple(place.shape)}")
        place.assign(array)


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
