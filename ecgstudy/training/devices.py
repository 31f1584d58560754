"""Where networks are trained: on a GPU when there is one, on all of them when that is asked for."""

import contextlib

import tensorflow as tf


def prepare() -> None:
    """Let the memory of each GPU grow as it is needed, so that others can use the rest."""
    for gpu in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # in use already, with what was set then
            tf.config.experimental.set_memory_growth(gpu, True)


def has_gpu() -> bool:
    """Whether TensorFlow found one."""
    return bool(tf.config.list_physical_devices("GPU"))


def strategy(*, mirrored: bool) -> tf.distribute.Strategy:
    """How a run is spread: TensorFlow's default, one device, or a copy of the model on every GPU.

    Args:
        mirrored: each batch is split over all GPUs of this machine; over its logical CPU devices where there is none.
            Batch norms in training see their own share of a batch alone.
    """
    prepare()
    if not mirrored:
        return tf.distribute.get_strategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])
