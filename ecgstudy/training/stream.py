"""Batches for training: an endless stream whose every batch follows from the seed and its number alone.

So a run that was killed goes on with the very batches that it would have seen, and one iterator serves all epochs:
making a new one costs more than an epoch on cached features.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf


def resident(array: np.ndarray) -> tf.Tensor:
    """An array as a tensor in the machine's own memory, from which batches are gathered."""
    with tf.device("CPU:0"):
        return tf.constant(np.asarray(array))


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Batches in one pass; the last may be smaller."""
    return -(-rows // batch_size)


def endless(
    inputs: Sequence[tf.Tensor],
    rows: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    *,
    batch_size: int,
    seed: int,
    first_epoch: int = 0,
    views: int = 1,
    augment: bool = False,
    multiple: int = 1,
) -> tf.data.Dataset:
    """Batches of `(inputs, targets, weights)`, each epoch all rows once in an order of its own.

    Args:
        inputs: resident tensors, `views` rows per distinct page.
        rows: int, which page each example shows; a page may stand several times.
        targets: one-hot, shape `(len(rows), classes)`.
        weights: shape `(len(rows),)`.
        seed: of the order.
        first_epoch: where to begin.
        views: of which one is drawn for each example.
        augment: give every picture a new random view each time (`data.augment`). These views follow from what was
            drawn before, so a run that was killed goes on with others.
        multiple: batches are filled up to a multiple of it by examples of no weight, which stand in them already; the
            others' weights grow, so that the mean over the batch stays what it was. Each of several replicas then gets
            as many, and a GPU, which looks for the fastest way anew for each size of batch, sees one size.
    """
    count, steps = len(rows), steps_per_epoch(len(rows), batch_size)
    with tf.device("CPU:0"):
        pages = tf.constant(rows, tf.int32)
        y, w = tf.constant(targets, tf.float32), tf.constant(weights, tf.float32)

    def batch(step: tf.Tensor) -> tuple:
        epoch, number = step // steps, step % steps
        seeds = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(count), seed=seeds)
        chosen = order[number * batch_size : (number + 1) * batch_size]
        chosen, weight = _filled(chosen, tf.gather(w, chosen), multiple)
        page = tf.gather(pages, chosen)
        if views > 1:
            drawn = tf.random.stateless_uniform(tf.shape(page), [seed, step], 0, views, tf.int32)
            page = page * views + drawn
        x = tuple(_floats(tf.gather(values, page)) for values in inputs)
        return (x if len(x) > 1 else x[0]), tf.gather(y, chosen), weight

    numbers = tf.data.Dataset.counter(start=first_epoch * steps)
    stream = numbers.map(batch, num_parallel_calls=2, deterministic=True)
    return (stream.map(_new_views(seed)) if augment else stream).prefetch(2)


def _filled(chosen: tf.Tensor, weights: tf.Tensor, multiple: int) -> tuple[tf.Tensor, tf.Tensor]:
    """See `multiple` above."""
    if multiple == 1:
        return chosen, weights
    size = tf.size(chosen)
    lacking = -size % multiple
    again = tf.gather(chosen, tf.range(lacking) % size)  # different ones: batch norms see them too
    grown = weights * tf.cast((size + lacking) / size, tf.float32)
    return tf.concat([chosen, again], axis=0), tf.concat([grown, tf.zeros(lacking)], axis=0)


def _new_views(seed: int) -> Callable[..., tuple]:
    from ecgstudy.data import augment

    draw = augment.random_views(seed=seed)
    return lambda pictures, targets, weights: (*draw(pictures, targets), weights)


def _floats(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float32) if values.dtype == tf.uint8 else values
