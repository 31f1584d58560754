"""A training that fails says which run it was and what to change, in one line."""

import numpy as np
import pytest
import tensorflow as tf

from ecgstudy.study import Recipe
from ecgstudy.training import trouble

ADVICE = r"^mobilenet, fold 1: out of memory with batches of 32; lower training.batch_size or the size of the image"


def test_memory_that_does_not_suffice_names_the_run_and_what_to_lower():
    """Really too large: an exabyte and more."""
    for fail in (lambda: tf.zeros([2**20, 2**20, 2**20]), lambda: np.zeros(2**55)):
        with pytest.raises(ValueError, match=ADVICE) as caught, trouble.told("mobilenet, fold 1", Recipe()):
            fail()
        assert "\n" not in str(caught.value)


def test_a_gpu_without_room_for_a_copy_counts_as_out_of_memory():
    """TensorFlow has no error class of its own for it."""
    error = tf.errors.InternalError(None, None, "Dst tensor is not initialized.")
    with pytest.raises(ValueError, match=ADVICE), trouble.told("mobilenet, fold 1", Recipe()):
        raise error


def test_other_failures_stay_what_they_are():
    with pytest.raises(tf.errors.InternalError), trouble.told("x", Recipe()):
        raise tf.errors.InternalError(None, None, "something broke")
    with pytest.raises(ValueError, match=r"^x: the loss became nan$"), trouble.told("x", Recipe()):
        raise ValueError("the loss became nan")
