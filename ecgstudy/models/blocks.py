"""What stands between a backbone and the answer: bottleneck, attention over channels, scales and leads, the head.

Every block extends a flat functional graph and is made of Keras' own layers alone, so that a saved model loads in
safe mode without this package.
"""

from typing import Any

import keras

from ecgstudy.models.efficientnets import STRIDES, Maps
from ecgstudy.vocabulary import CLASSES

READ_MEANS = ("squeeze_excite", "multi_scale_attention")  # linear in the maps but for what is made of their means


def head(pooled: Any, *, dropout: float) -> Any:
    """Dropout, a dense layer and a float32 softmax over the four classes.

    Args:
        pooled: `(batch, channels)`.

    Returns:
        `(batch, 4)`, layer `probabilities`; the scores before the softmax are the layer `logits`.
    """
    x = keras.layers.Dropout(dropout, name="dropout")(pooled)
    logits = keras.layers.Dense(len(CLASSES), dtype="float32", name="logits")(x)
    return keras.layers.Softmax(dtype="float32", name="probabilities")(logits)


def pooled(maps: Maps) -> Any:
    """The mean of the last map over the page: `(batch, h, w, channels)` to `(batch, channels)`."""
    return keras.layers.GlobalAveragePooling2D(name="pooled")(maps["features"])


def bottleneck(maps: Maps, *, reduction: int = 4) -> Any:
    """Convolution, batch norm, ReLU, convolution on the last map, then its mean over the page.

        y = W2 * relu(norm(W1 * x)),  W1 1 x 1 to channels / reduction, W2 3 x 3 of the same width

    Returns:
        `(batch, channels / reduction)`; the map before pooling is the layer `bottleneck`.

    References:
        He et al. 2016, arXiv:1512.03385, section 4.1 (the shape of the block).
    """
    x = maps["features"]  # (batch, h, w, channels)
    filters = x.shape[-1] // reduction
    x = keras.layers.Conv2D(filters, 1, use_bias=False, name="bottleneck_narrow")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="bottleneck_bn")(x)
    x = keras.layers.ReLU(name="bottleneck_relu")(x)
    x = keras.layers.Conv2D(filters, 3, padding="same", name="bottleneck")(x)
    return keras.layers.GlobalAveragePooling2D(name="bottleneck_pooled")(x)


def squeeze_excite(maps: Maps, *, reduction: int = 16) -> Any:
    """Attention over channels: each channel of the last map is scaled by a number between 0 and 1.

        s = sigmoid(W2 relu(W1 mean(x))),  y = s * x,  W1 to channels / reduction

    Returns:
        `(batch, channels)`; the scaled map is the layer `se_scaled`.

    References:
        Hu et al. 2018, arXiv:1709.01507.
    """
    x = maps["features"]  # (batch, h, w, channels)
    channels = x.shape[-1]
    means = keras.layers.GlobalAveragePooling2D(keepdims=True, name="se_means")(x)  # (batch, 1, 1, channels)
    narrow = keras.layers.Dense(channels // reduction, activation="relu", name="se_narrow")(means)
    scale = keras.layers.Dense(channels, activation="sigmoid", name="se_weights")(narrow)
    x = keras.layers.Multiply(name="se_scaled")([x, scale])
    return keras.layers.GlobalAveragePooling2D(name="se_pooled")(x)


def multi_scale_attention(maps: Maps, *, blocks: tuple[int, ...], width: int = 128) -> Any:
    """Maps of several depths on one grid, weighed by a small network that sees all of them pooled.

        m_i = P_i regrid(x_i),  a = softmax(W2 relu(W1 [mean(m_1), mean(m_2), ...])),  y = sum_i a_i m_i

    `regrid` takes means down to the coarsest grid. It comes before the projection `P_i` (1 x 1): both are linear and
    commute, and small maps are what a frozen prefix has to keep.

    Args:
        blocks: which blocks' outputs, such as `(3, 4, 6)`; with one block alone nothing is weighed.

    Returns:
        `(batch, width)`; the sum of maps is the layer `scales_sum`, `a` the layer `scale_weights`.

    References:
        The published study's own text (FACTS: blocks 3, 4 and 6 of EfficientNet-B0).
    """
    scales = []
    for block in blocks:
        x = maps[f"block{block}"]  # (batch, h, w, channels of this block)
        step = max(STRIDES[b] for b in blocks) // STRIDES[block]
        if step > 1:
            x = keras.layers.AveragePooling2D(step, padding="same", name=f"scale{block}_regrid")(x)
        scales.append(keras.layers.Conv2D(width, 1, name=f"scale{block}")(x))  # (batch, h, w, width)
    if len(scales) == 1:
        x = keras.layers.Activation("linear", name="scales_sum")(scales[0])
        return keras.layers.GlobalAveragePooling2D(name="scales_pooled")(x)
    means = [keras.layers.GlobalAveragePooling2D(name=f"scale{b}_mean")(m) for b, m in zip(blocks, scales, strict=True)]
    x = keras.layers.Concatenate(name="scale_means")(means)  # (batch, scales * width)
    x = keras.layers.Dense(width // 4, activation="relu", name="scale_hidden")(x)
    weights = keras.layers.Dense(len(scales), activation="softmax", name="scale_weights")(x)  # (batch, scales)
    stacked = keras.ops.stack(scales, axis=1)  # (batch, scales, h, w, width)
    spread = keras.layers.Reshape((len(scales), 1, 1, 1), name="scale_spread")(weights)
    summed = keras.ops.sum(stacked * spread, axis=1)  # (batch, h, w, width)
    x = keras.layers.Activation("linear", name="scales_sum")(summed)
    return keras.layers.GlobalAveragePooling2D(name="scales_pooled")(x)


def lead_attention(vectors: Any, present: Any, *, width: int = 64) -> Any:
    """Attention over the leads of a page: which leads decide, learned from the pages' labels alone.

        a_k = softmax_k(w tanh(V h_k)) over the leads that are present,  y = sum_k a_k h_k

    Args:
        vectors: `(batch, leads, channels)`, one pooled vector per lead box.
        present: `(batch, leads)`, 1 where the page shows the lead, 0 where it does not.

    Returns:
        `(batch, channels)`; `a` is the layer `lead_weights`, `(batch, leads)`, which sums to 1.

    References:
        Ilse, Tomczak and Welling 2018, arXiv:1802.04712, equations 7 and 8.
    """
    x = keras.layers.Dense(width, activation="tanh", name="lead_hidden")(vectors)
    x = keras.layers.Dense(1, use_bias=False, name="lead_scores")(x)  # (batch, leads, 1)
    scores = keras.layers.Reshape((vectors.shape[1],), name="lead_scores_flat")(x)
    # In float32 whatever the policy: -1e9 does not fit into float16.
    masked = keras.layers.Add(dtype="float32", name="lead_scores_present")([scores, (present - 1.0) * 1e9])
    weights = keras.layers.Softmax(dtype="float32", name="lead_weights")(masked)
    return keras.layers.Dot(axes=1, name="lead_sum")([weights, vectors])
