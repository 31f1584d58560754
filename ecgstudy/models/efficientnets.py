"""EfficientNet-B0 and -Lite0 as parts of a flat graph; every block's output can be tapped."""

from typing import Any

import keras

Maps = dict[str, Any]  # name -> Keras tensor

STRIDES = {1: 2, 2: 4, 3: 8, 4: 16, 5: 16, 6: 32, 7: 32}  # pixels per cell of a block's output

# repeats, kernel, stride, expansion, filters out: table 1 of Tan and Le 2019
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def mobile_blocks(x: Any, activation: str, *, squeeze: bool) -> Maps:
    """All blocks of an EfficientNet, named as Keras names them.

    Args:
        x: standardised picture, `(batch, height, width, 3)`.
        activation: `swish` (B0) or `relu6` (Lite0).
        squeeze: with squeeze-and-excitation in every block (B0).

    Returns:
        `block1` to `block7` and `features`.

    References:
        Tan and Le 2019, arXiv:1905.11946.
    """
    maps: Maps = {}
    x = _convolution(x, 32, 3, "stem", activation, strides=2)
    channels = 32
    for stage, (repeats, kernel, strides, expansion, filters) in enumerate(_STAGES, start=1):
        for repeat in range(repeats):
            x = _mobile_block(
                x, f"block{stage}{'abcd'[repeat]}_", activation, kernel=kernel, expansion=expansion,
                strides=strides if repeat == 0 else 1, filters=filters, squeeze=channels // 4 if squeeze else 0,
            )  # fmt: skip
            channels = filters
        maps[f"block{stage}"] = x
    return maps | {"features": _convolution(x, 1280, 1, "top", activation)}


def _mobile_block(
    x: Any, name: str, activation: str, *, kernel: int, expansion: int, strides: int, filters: int, squeeze: int
) -> Any:
    """Inverted residual block: widen by 1 x 1, filter each channel, excite, narrow by 1 x 1, add the input.

    Args:
        x: `(batch, height, width, channels)`.
        squeeze: channels of the squeeze; 0 leaves squeeze-and-excitation out.

    References:
        Sandler et al. 2018, arXiv:1801.04381; Tan and Le 2019, arXiv:1905.11946.
    """
    entered, channels = x, x.shape[-1]
    if expansion > 1:
        x = _convolution(x, channels * expansion, 1, f"{name}expand", activation)
    x = keras.layers.DepthwiseConv2D(
        kernel, strides=strides, padding="same", use_bias=False, depthwise_initializer=_start(),
        name=f"{name}dwconv",
    )(x)  # fmt: skip
    x = keras.layers.BatchNormalization(name=f"{name}bn")(x)
    x = keras.layers.Activation(activation, name=f"{name}activation")(x)
    if squeeze:
        x = _excite(x, name, activation, squeeze)
    x = _convolution(x, filters, 1, f"{name}project", None)
    return keras.layers.Add(name=f"{name}add")([x, entered]) if strides == 1 and channels == filters else x


def _start() -> keras.initializers.Initializer:
    """A new one for each layer: a shared initializer would draw the same numbers again."""
    return keras.initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")


def _convolution(x: Any, filters: int, kernel: int, name: str, activation: str | None, *, strides: int = 1) -> Any:
    """Convolution, batch norm and activation, named as Keras names them."""
    x = keras.layers.Conv2D(
        filters, kernel, strides=strides, padding="same", use_bias=False, kernel_initializer=_start(),
        name=f"{name}_conv",
    )(x)  # fmt: skip
    x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    return keras.layers.Activation(activation, name=f"{name}_activation")(x) if activation else x


def _excite(x: Any, name: str, activation: str, squeeze: int) -> Any:
    channels = x.shape[-1]
    means = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}se_squeeze")(x)  # (batch, 1, 1, channels)
    for step, filters, act in (("reduce", squeeze, activation), ("expand", channels, "sigmoid")):
        means = keras.layers.Conv2D(filters, 1, activation=act, kernel_initializer=_start(), name=f"{name}se_{step}")(
            means
        )
    return keras.layers.Multiply(name=f"{name}se_excite")([x, means])
