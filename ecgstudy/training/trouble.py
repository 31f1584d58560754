"""What goes wrong in a training, in one line that says which run it was and what to change."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from ecgstudy.study import Recipe

# A GPU that has no room left for what is copied to it fails with an internal error; only its words tell.
_NO_ROOM = ("Dst tensor is not initialized", "failed to allocate", "Failed copying input tensor")


@contextlib.contextmanager
def told(what: str, recipe: Recipe) -> Iterator[None]:
    """Failures inside become a ValueError that begins with `what`.

    Args:
        what: a run, or a model, as the reader of the line knows it.
        recipe: whose numbers the advice names.

    Raises:
        ValueError: memory does not suffice; or what the code inside refused, with its name before it.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError):
        raise ValueError(_out_of_memory(what, recipe)) from None
    except tf.errors.InternalError as error:
        if any(words in str(error) for words in _NO_ROOM):
            raise ValueError(_out_of_memory(what, recipe)) from None
        raise
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def _out_of_memory(what: str, recipe: Recipe) -> str:
    return (
        f"{what}: out of memory with batches of {recipe.batch_size}; lower training.batch_size or the size of the "
        "image, start training.train_from at a later layer, or set training.mixed_precision"
    )
