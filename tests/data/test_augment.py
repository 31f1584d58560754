"""Random views stay readable ECGs: never mirrored, repeatable, in range."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgstudy.data import augment


def corner_pages(count):
    """White pages with a black corner at the upper left: where it is tells whether a view was mirrored."""
    pages = np.full((count, 48, 80, 3), 255, np.uint8)
    pages[:, 6:18, 6:26] = 0
    return pages


@pytest.fixture(scope="module")
def views():
    return augment.random_views(seed=1, mixup=False)


def test_a_view_is_never_mirrored(views):
    seen, _ = views(tf.constant(corner_pages(64), tf.float32), tf.one_hot([0] * 64, 4))
    grey = seen.numpy().mean(axis=-1)  # (64, 48, 80)
    ink = np.clip(np.median(grey, axis=(1, 2), keepdims=True) - 60 - grey, 0, None)  # brightness differs by view
    upper_left = ink[:, :24, :40].sum(axis=(1, 2))
    assert (upper_left > 0.8 * ink.sum(axis=(1, 2))).all()


def test_views_keep_shape_and_range_and_differ(views):
    seen, classes = views(tf.constant(corner_pages(8), tf.float32), tf.one_hot([0, 1, 2, 3] * 2, 4))
    assert seen.shape == (8, 48, 80, 3)
    assert float(tf.reduce_min(seen)) >= 0 and float(tf.reduce_max(seen)) <= 255
    assert np.array_equal(classes, np.eye(4)[[0, 1, 2, 3] * 2])
    assert not np.array_equal(seen[0], seen[1])


def test_mixup_blends_classes_that_still_sum_to_one():
    _, classes = augment.random_views(seed=1)(tf.constant(corner_pages(16), tf.float32), tf.one_hot([0, 3] * 8, 4))
    assert np.allclose(np.sum(classes, axis=1), 1, atol=1e-6)
    assert (np.max(classes, axis=1) < 0.999).any()


def test_the_same_seed_gives_the_same_views():
    pictures, classes = tf.constant(corner_pages(6), tf.float32), tf.one_hot(np.arange(6) % 4, 4)

    def seen(seed):
        keras.utils.set_random_seed(seed)
        return [part.numpy() for part in augment.random_views(seed=seed)(pictures, classes)]

    first, again, other = seen(3), seen(3), seen(4)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
