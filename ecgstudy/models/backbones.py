"""The published backbones: raw pixels in, named maps out, each with its own scaling inside.

A backbone is a function that extends a flat functional graph: it takes a Keras tensor with a picture
`(batch, height, width, 3)`, float32 from 0 to 255, and gives a dictionary of maps. `features` is the last one, of
stride 32 (`plain`: 16); EfficientNets also give the published taps `block3`, `block4` and `block6`, of stride 8, 16 and
32.
"""

from collections.abc import Callable
from typing import Any

import keras

from ecgstudy.models import convnext, efficientnets
from ecgstudy.models.efficientnets import Maps

MIN_SIZE = 32  # pixels; five halvings leave one

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
    return {"features": convnext.stages(_standardised(picture))}


def _keras_application(application: Callable[..., Any], x: Any) -> Maps:
    """One of Keras' own, without its top and without weights, as part of this graph."""
    model = application(include_top=False, weights=None, input_tensor=x)
    return {"features": model.outputs[0]}


def _standardised(picture: Any) -> Any:
    scale = [1 / (255 * deviation) for deviation in _IMAGENET_DEVIATION]
    offset = [-mean / deviation for mean, deviation in zip(_IMAGENET_MEAN, _IMAGENET_DEVIATION, strict=True)]
    return keras.layers.Rescaling(scale, offset=offset, name="feed")(picture)


def _efficientnet(picture: Any) -> Maps:
    """EfficientNet-B0, layer for layer as `keras.applications.EfficientNetB0` (same names and weights).

    Without stochastic depth, and with the scaling that Keras adds only when it loads ImageNet weights.
    """
    return efficientnets.mobile_blocks(_standardised(picture), "swish", squeeze=True)


def _efficientnet_lite0(picture: Any) -> Maps:
    """EfficientNet-Lite0: B0 with ReLU6 and without squeeze-and-excitation; pixels are fed as (x - 127) / 128.

    References:
        https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
    """
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="feed")(picture)
    return efficientnets.mobile_blocks(x, "relu6", squeeze=False)


BACKBONES: dict[str, Callable[..., Maps]] = {
    "plain": _plain,
    "mobilenet": _mobilenet,
    "resnet50": _resnet50,
    "densenet121": _densenet121,
    "convnext_tiny": _convnext_tiny,
    "efficientnet": _efficientnet,
    "efficientnet_lite0": _efficientnet_lite0,
}
