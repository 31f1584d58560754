"""The frozen first part of a network, computed once per distinct page and shared by all runs.

Where training stops at a border, everything before it gives the same numbers in every epoch, fold and seed. They are
kept on disk, under a key made of the very graph, its weights and the pictures: models that share a backbone find each
other's, and nothing stale can be taken for fresh. A pass that is killed goes on where it was.
"""

import functools
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ecgstudy import files
from ecgstudy.models import graph

SHARD = 128  # pages per file: what a kill can cost
BATCH = 16  # pages in one forward pass; more only costs memory on a CPU


def border(model: keras.Model, learned: frozenset[str]) -> list[Any]:
    """The tensors that the learning part of a network reads from its frozen part.

    Args:
        model: a flat functional graph.
        learned: names of the layers that learn.

    Returns:
        Keras tensors, nearest to the answer first. The model's own inputs if nothing before them is worth keeping.
    """
    memo: dict[int, bool] = {}

    def fixed(tensor: Any) -> bool:
        if id(tensor) not in memo:
            layer = graph.operation(tensor)
            moves = (layer.name in learned and _has_weights(layer)) or hasattr(layer, "seed_generator")
            memo[id(tensor)] = not moves and all(fixed(parent) for parent in graph.parents(tensor))
        return memo[id(tensor)]

    used = [p for t in graph.upstream(list(model.outputs)) if not fixed(t) for p in graph.parents(t) if fixed(p)]
    found = list({id(tensor): tensor for tensor in used}.values())
    worth_keeping = any(_has_weights(graph.operation(tensor)) for tensor in graph.upstream(found))
    return found if worth_keeping else list(model.inputs)


def after(model: keras.Model, tensors: list[Any]) -> keras.Model:
    """The rest of a network, from its border to the answer; it shares the network's layers."""
    if [id(t) for t in tensors] == [id(t) for t in model.inputs]:
        return model
    return keras.Model(tensors, model.outputs[0], name=f"{model.name}_rest")


def features(
    inputs: Sequence[Any],
    tensors: Sequence[Any],
    pictures: Sequence[np.ndarray],
    *,
    key: str,
    folder: Path,
    progress: Callable[[str], None] = lambda line: None,
) -> list[np.ndarray]:
    """The values of border tensors for all pages; one pass computes all that are not yet kept.

    Args:
        inputs: the network's inputs, Keras tensors.
        tensors: what to compute from them.
        pictures: for each input an array with one row per page.
        key: what the pictures are.
        folder: where values are kept.

    Returns:
        For each tensor an array with one row per page.
    """
    keys = [files.content_hash(key, *_graph_hash(tensor)) for tensor in tensors]
    wanted = dict(zip(keys, tensors, strict=True))
    pages = len(pictures[0])
    starts = range(0, pages, SHARD)
    held: dict[tuple[str, int], np.ndarray] = {}
    model: keras.Model | None = None
    made_for: list[str] = []
    for start in starts:
        lacking = []
        for k in wanted:
            kept = _read(_shard(folder, k, start), min(SHARD, pages - start))
            if kept is None:
                lacking.append(k)
            else:
                held[k, start] = kept
        if lacking:
            if lacking != made_for:
                model, made_for = keras.Model(list(inputs), [wanted[k] for k in lacking]), lacking
            progress(f"frozen prefix: page {start} of {pages}")
            assert model is not None
            for k, values in zip(lacking, _forward(model, [p[start : start + SHARD] for p in pictures]), strict=True):
                held[k, start] = values
                files.write_atomically(_shard(folder, k, start), functools.partial(np.savez, values=values))
    return [np.concatenate([held[k, start] for start in starts]) for k in keys]


def _forward(model: keras.Model, pictures: list[np.ndarray]) -> list[np.ndarray]:
    """All outputs for a few pages, in inference mode."""
    batches = []
    for start in range(0, len(pictures[0]), BATCH):
        batch = [p[start : start + BATCH].astype("float32") for p in pictures]
        answered = model.predict_on_batch(batch if len(batch) > 1 else batch[0])
        batches.append(answered if isinstance(answered, list) else [answered])
    return [np.concatenate(values) for values in zip(*batches, strict=True)]


def _shard(folder: Path, key: str, start: int) -> Path:
    return folder / f"prefix-{key}" / f"{start:06d}.npz"


def _read(path: Path, rows: int) -> np.ndarray | None:
    """The kept values; a damaged file (its own checksum tells) counts as missing."""
    try:
        with np.load(path, allow_pickle=False) as file:
            values = file["values"]
        return values if len(values) == rows else None
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile):
        return None


def _has_weights(layer: Any) -> bool:
    return bool(getattr(layer, "weights", ()))


def _graph_hash(tensor: Any) -> list[str]:
    """Words that say what a tensor computes: the graph before it, in order, and the weights in it."""
    ordered = list(graph.upstream([tensor]))
    number = {id(t): i for i, t in enumerate(ordered)}
    words = []
    for t in ordered:
        layer = graph.operation(t)
        config = {k: v for k, v in layer.get_config().items() if k not in ("name", "trainable", "batch_shape")}
        weights = [files.content_hash(np.asarray(w).tobytes()) for w in getattr(layer, "weights", ())]
        behind = [number[id(p)] for p in graph.parents(t)]
        words.append(f"{type(layer).__name__} {json.dumps(config, sort_keys=True, default=str)} {weights} {behind}")
    return words
