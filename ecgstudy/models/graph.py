"""Walking a functional Keras graph: what a tensor was computed from.

A layer that stands in several graphs has several outputs, so the walk goes from tensor to tensor, not by layer.
"""

from collections.abc import Iterator
from typing import Any

import keras


def parents(tensor: Any) -> list[Any]:
    """The Keras tensors that the operation behind `tensor` was called with; none for an input."""
    operation, node_index, _ = tensor._keras_history
    return list(operation._inbound_nodes[node_index].arguments.keras_tensors)


def operation(tensor: Any) -> Any:
    """The layer or operation that computes `tensor`."""
    return tensor._keras_history.operation


def upstream(tensors: list[Any]) -> Iterator[Any]:
    """Each tensor that `tensors` wait for, themselves included, once, nearest first."""
    waiting, seen = list(tensors), set()
    while waiting:
        tensor = waiting.pop(0)
        if id(tensor) not in seen:
            seen.add(id(tensor))
            yield tensor
            waiting += parents(tensor)


def layer_output(model: keras.Model, name: str) -> Any:
    """The output of the layer `name` as it stands in this model's graph.

    Raises:
        ValueError: the graph has no such layer.
    """
    for tensor in upstream(list(model.outputs)):
        if operation(tensor).name == name:
            return tensor
    raise ValueError(f"{model.name} has no layer {name!r}")
