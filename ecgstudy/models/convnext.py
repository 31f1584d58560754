"""ConvNeXt-Tiny as part of a flat graph.

Layer for layer `keras.applications.ConvNeXtTiny`, but its depthwise convolutions are depthwise layers: as grouped
convolutions they take four fifths of the time on a CPU.
"""

from typing import Any

import keras

DEPTHS, WIDTHS = (3, 3, 9, 3), (96, 192, 384, 768)  # blocks and channels of the four stages
_NORM = {"epsilon": 1e-6}


def stages(x: Any) -> Any:
    """The four stages, of stride 4, 8, 16 and 32.

    Args:
        x: standardised picture, `(batch, height, width, 3)`.

    Returns:
        `(batch, height / 32, width / 32, 768)`, normalised over channels.

    References:
        Liu et al. 2022, arXiv:2201.03545.
    """
    name = "convnext_tiny"
    for stage, (depth, channels) in enumerate(zip(DEPTHS, WIDTHS, strict=True)):
        if stage == 0:
            x = keras.layers.Conv2D(channels, 4, strides=4, name=f"{name}_stem_conv")(x)
            x = keras.layers.LayerNormalization(**_NORM, name=f"{name}_stem_layernorm")(x)
        else:
            x = keras.layers.LayerNormalization(**_NORM, name=f"{name}_downsampling_layernorm_{stage - 1}")(x)
            x = keras.layers.Conv2D(channels, 2, strides=2, name=f"{name}_downsampling_conv_{stage - 1}")(x)
        for block in range(depth):
            x = _block(x, f"{name}_stage_{stage}_block_{block}")
    return keras.layers.LayerNormalization(**_NORM, name=f"{name}_layernorm")(x)


def _block(x: Any, name: str) -> Any:
    """Depthwise 7 x 7, norm, widen fourfold, GELU, narrow, scale per channel, add the input."""
    entered, channels = x, x.shape[-1]
    x = keras.layers.DepthwiseConv2D(7, padding="same", name=f"{name}_depthwise_conv")(x)
    x = keras.layers.LayerNormalization(**_NORM, name=f"{name}_layernorm")(x)
    x = keras.layers.Dense(4 * channels, name=f"{name}_pointwise_conv_1")(x)
    x = keras.layers.Activation("gelu", name=f"{name}_gelu")(x)
    x = keras.layers.Dense(channels, name=f"{name}_pointwise_conv_2")(x)
    x = keras.layers.EinsumDense(
        "bhwc,c->bhwc", (None, None, channels), kernel_initializer=keras.initializers.Constant(1e-6),
        name=f"{name}_layer_scale",
    )(x)  # fmt: skip
    return keras.layers.Add(name=f"{name}_add")([entered, x])
