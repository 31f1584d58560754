"""One row per model, plain data: tests, tables, figures, help and the grid all walk these rows.

Nothing here needs TensorFlow. Another model is another row.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

from ecgstudy import vocabulary

RECIPE = 2  # raised whenever a change in this room changes what a network computes
SIMPLE_RECIPE = 3  # raised whenever it changes what a simple model computes


@dataclass(frozen=True)
class ModelRow:
    """What the study knows about one model.

    `input` is what it reads: `page` `(batch, height, width, 3)`; `leads` `(batch, 13, height, width, 3)` and a mask
    of those present; `rate`, `measurements` or `nothing`, a table with a row per page. `neck` names a function of
    blocks.py between the backbone's maps and the head, `blocks` the maps that it gets, `tap` the last spatial map
    (what Grad-CAM reads). A row whose `part_of` names another is one of its ablations.
    """

    name: str
    title: str
    backbone: str | None = None  # a row of backbones.py; None: not a network
    neck: str | None = None
    blocks: tuple[int, ...] = ()
    tap: str | None = "features"
    input: Literal["page", "leads", "measurements", "rate", "nothing"] = "page"
    source: str = ""
    part_of: str | None = None

    @property
    def is_network(self) -> bool:
        return self.backbone is not None

    @property
    def parameters(self) -> "ModelRow":
        """The row less its words: what a run's identity depends on."""
        return replace(self, title="", source="", part_of=None)


def _simple(name: str, title: str, source: str, **what: object) -> ModelRow:
    return ModelRow(name, title, tap=None, source=source, **what)  # type: ignore[arg-type]


_EFFICIENTNET = "Tan and Le 2019, arXiv:1905.11946"
_LITE = "EfficientNet-Lite, github.com/tensorflow/tpu"
_DENSENET = "Huang et al. 2017, arXiv:1608.06993"
_MSA = "multi-scale attention as published (DL-MI-ECG)"

_ROWS = (
    _simple("majority", "Class frequencies", "no page is looked at", input="nothing"),
    _simple("heart_rate", "Heart rate alone", "one number per page", input="rate"),
    _simple("thumbnail", "Thumbnail", "logistic regression on a small grey picture", input="page"),
    _simple("traces", "Traced signals", "measurements of the 12 leads", input="measurements"),
    ModelRow("baseline_cnn", "Baseline CNN", "plain", source="three convolution blocks"),
    ModelRow("mobilenet", "MobileNet", "mobilenet", source="Howard et al. 2017, arXiv:1704.04861"),
    ModelRow("resnet50", "ResNet50", "resnet50", source="He et al. 2016, arXiv:1512.03385"),
    ModelRow("densenet121", "DenseNet121", "densenet121", source=_DENSENET),
    ModelRow("convnext_tiny", "ConvNeXt-Tiny", "convnext_tiny", source="Liu et al. 2022, arXiv:2201.03545"),
    ModelRow(
        "densenet121_bottleneck", "DenseNet121 + bottleneck", "densenet121", "bottleneck", tap="bottleneck",
        source=_DENSENET,
    ),
    ModelRow(
        "densenet121_se", "DenseNet121 + attention", "densenet121", "squeeze_excite", tap="se_scaled",
        source="Hu et al. 2018, arXiv:1709.01507",
    ),
    ModelRow(
        "efficientnet_msa", "EfficientNet-B0 + multi-scale attention", "efficientnet", "multi_scale_attention",
        blocks=(3, 4, 6), tap="scales_sum", source=_MSA,
    ),
    ModelRow("efficientnet", "EfficientNet-B0", "efficientnet", source=_EFFICIENTNET),
    ModelRow("efficientnet_lite0", "EfficientNet-Lite0", "efficientnet_lite0", source=_LITE),
    ModelRow(
        "efficientnet_lite0_msa", "EfficientNet-Lite0 + multi-scale attention", "efficientnet_lite0",
        "multi_scale_attention", blocks=(3, 4, 6), tap="scales_sum", source=_MSA,
    ),
    ModelRow(
        "efficientnet_lite0_leads", "EfficientNet-Lite0 by lead", "efficientnet_lite0", "lead_attention",
        input="leads", source="attention pooling: Ilse et al. 2018, arXiv:1802.04712",
    ),
)  # fmt: skip


def _ablations() -> tuple[ModelRow, ...]:
    """Each scale alone, and the other two blocks on the backbone that has ImageNet weights offline."""
    rows = {row.name: row for row in _ROWS}
    alone = [
        replace(rows[name], name=f"{name}_{block}", title=f"{rows[name].title}, block {block} alone",
                blocks=(block,), part_of=name)
        for name in ("efficientnet_msa", "efficientnet_lite0_msa") for block in (3, 4, 6)
    ]  # fmt: skip
    on_lite = [
        replace(rows[f"densenet121_{block}"], name=f"efficientnet_lite0_{block}", backbone="efficientnet_lite0",
                title=f"EfficientNet-Lite0 + {title}", part_of="efficientnet_lite0_msa")
        for block, title in (("bottleneck", "bottleneck"), ("se", "attention"))
    ]  # fmt: skip
    return (*alone, *on_lite)


MODELS: dict[str, ModelRow] = {row.name: row for row in (*_ROWS, *_ablations())}

# where `weights: offline` finds ImageNet weights: in an installed package
_OFFLINE_IMAGENET = frozenset({"efficientnet_lite0"})


def model_row(name: str) -> ModelRow:
    """The row of one model.

    Raises:
        ValueError: no such model; the message names the nearest.
    """
    return MODELS[vocabulary.choose("model", name, list(MODELS))]


def weights_source(row: ModelRow, weights: str) -> str:
    """Where a model's first weights really come from when a study asks for `weights`.

    Returns:
        `imagenet`, `random`, the path of a file, or `none` for a model that is not a network. This word stands on
        every row of every table.
    """
    if not row.is_network:
        return "none"
    if row.backbone == "plain":
        return "random"
    if weights == "offline":
        return "imagenet" if row.backbone in _OFFLINE_IMAGENET else "random"
    return weights


def is_random_control(weights: Any, trained: Any) -> Any:
    """Whether a network's frozen backbone has random weights: a control, in no comparison and no ladder figure.

    Args:
        weights: where its first weights come from; a word, or a column of them.
        trained: what was trained, as `trained_part` says it.
    """
    return (weights == "random") & (trained == "head")


def trained_part(row: ModelRow, train_from: str) -> str:
    """What is trained when a study asks for `train_from`: `head`, the name of a layer, or `all`."""
    return "all" if row.backbone in (None, "plain") else train_from
