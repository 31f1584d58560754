"""The published backbones: raw pixels in, named maps out, each with its own scaling inside.

A backbone is a function that extends a flat functional graph: it takes a Keras tensor with a picture
`(batch, height, width, 3)`, float32 from 0 to 255, and gives a dictionary of maps. `features` is the last one, of
stride 32 (`plain`: 16); EfficientNets also give the published taps `block3`, `block4` and `block6`, of stride 8, 16 and
32.
"""

from collections.abc import Callable
from typing import Any

import keras

Maps = dict[str, Any]  # name -> Keras tensor

MIN_SIZE = 32  # pixels; five halvings leave one
STRIDES = {1: 2, 2: 4, 3: 8, 4: 16, 5: 16, 6: 32, 7: 32}  # pixels per cell of an EfficientNet's block outputs

_IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of pixels in 0..1, as torchvision publishes them
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def backbone(name: str, picture: Any, *, width: int = 32) -> Maps:
    """Extend the graph behind `picture` by one backbone.

    Args:
        name: a key of `BACKBONES`.
        picture: Keras tensor `(batch, height, width, 3)`, 0 to 255.
        width: filters of the first block of `plain`; no other backbone reads it.

    Raises:
        ValueError: the picture is too small for the five halvings.
    """
    height, across = picture.shape[1:3]
    if min(height, across) < MIN_SIZE:
        raise ValueError(f"image of {height} x {across} pixels; {name} needs at least {MIN_SIZE} x {MIN_SIZE}")
    maps = _plain(picture, width) if name == "plain" else BACKBONES[name](picture)
    # One name for the last map of every backbone, so that taps and tables need not know Keras' own.
    maps["features"] = keras.layers.Activation("linear", name="features")(maps["features"])
    return maps


def _plain(picture: Any, width: int) -> Maps:
    """Three blocks of convolution, batch norm, ReLU and max pooling; the first convolution has stride 2."""
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="feed")(picture)
    for block, filters in enumerate((width, 2 * width, 4 * width), start=1):
        x = keras.layers.Conv2D(
            filters, 3, strides=2 if block == 1 else 1, padding="same", use_bias=False, name=f"block{block}_conv"
        )(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"block{block}_bn")(x)
        x = keras.layers.ReLU(name=f"block{block}_relu")(x)
        x = keras.layers.MaxPooling2D(name=f"block{block}_pool")(x)
    return {"features": x}


def _mobilenet(picture: Any) -> Maps:
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="feed")(picture)
    return _keras_application(keras.applications.MobileNet, x)


def _densenet121(picture: Any) -> Maps:
    return _keras_application(keras.applications.DenseNet121, _standardised(picture))


def _resnet50(picture: Any) -> Maps:
    """ResNet50 expects the older Caffe feed: blue first, the ImageNet mean taken away, no scaling."""
    bgr = keras.ops.flip(picture, axis=-1)
    x = keras.layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68], name="feed")(bgr)
    return _keras_application(keras.applications.ResNet50, x)


def _convnext_tiny(picture: Any) -> Maps:
    return _keras_application(keras.applications.ConvNeXtTiny, picture)  # its first layers scale raw pixels


def _keras_application(application: Callable[..., Any], x: Any) -> Maps:
    """One of Keras' own, without its top and without weights, as part of this graph."""
    model = application(include_top=False, weights=None, input_tensor=x)
    return {"features": model.outputs[0]}


def _standardised(picture: Any) -> Any:
    scale = [1 / (255 * deviation) for deviation in _IMAGENET_DEVIATION]
    offset = [-mean / deviation for mean, deviation in zip(_IMAGENET_MEAN, _IMAGENET_DEVIATION, strict=True)]
    return keras.layers.Rescaling(scale, offset=offset, name="feed")(picture)


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


def _efficientnet(picture: Any) -> Maps:
    """EfficientNet-B0, layer for layer as `keras.applications.EfficientNetB0` (same names and weights).

    Without stochastic depth, and with the scaling that Keras adds only when it loads ImageNet weights.
    """
    return _mobile_blocks(_standardised(picture), "swish", squeeze=True)


def _efficientnet_lite0(picture: Any) -> Maps:
    """EfficientNet-Lite0: B0 with ReLU6 and without squeeze-and-excitation; pixels are fed as (x - 127) / 128.

    References:
        https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
    """
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="feed")(picture)
    return _mobile_blocks(x, "relu6", squeeze=False)


def _mobile_blocks(x: Any, activation: str, *, squeeze: bool) -> Maps:
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


BACKBONES: dict[str, Callable[..., Maps]] = {
    "plain": _plain,
    "mobilenet": _mobilenet,
    "resnet50": _resnet50,
    "densenet121": _densenet121,
    "convnext_tiny": _convnext_tiny,
    "efficientnet": _efficientnet,
    "efficientnet_lite0": _efficientnet_lite0,
}
