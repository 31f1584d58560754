"""A study: its parameters, validated, and where its outputs lie.

One YAML file with the single top key `study` describes a study. Papermill injects the same file
into a notebook, where `study` is then the parameters themselves; `Study.load` takes either.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
import yaml

from ecgstudy.vocabulary import PROTOCOLS, Control, Protocol, choose

RESERVED = ("reference", "bench")  # of the folders in outputs/


class Section(pydantic.BaseModel):
    """A strict part of a params file: unknown keys and wrong types are errors."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Data(Section):
    source: str = "shipped"  # shipped, synthetic, or the path of a folder or a CSV
    pages: Literal["selected", "complete"] = "selected"
    on_bad_image: Literal["skip", "error"] = "skip"
    synthetic_pages: pydantic.PositiveInt = 240  # distinct pages of the source `synthetic`
    seed: int = 0  # of the synthetic pages


class Image(Section):
    region: str = "grid"  # page, grid, redrawn, or a box "left,top,right,bottom" in fractions of the page
    height: pydantic.PositiveInt = 128
    width: pydantic.PositiveInt = 224


class Splits(Section):
    protocols: tuple[Protocol, ...] = pydantic.Field(PROTOCOLS, min_length=1)
    folds: int = pydantic.Field(5, ge=2)
    seeds: tuple[pydantic.NonNegativeInt, ...] = pydantic.Field((0,), min_length=1)
    validation: float = pydantic.Field(0.15, gt=0, lt=0.5)

    @pydantic.model_validator(mode="after")
    def _each_stands_once(self) -> Self:
        for key, values in (("protocols", self.protocols), ("seeds", self.seeds)):
            twice = next((value for value in values if values.count(value) > 1), None)
            if twice is not None:
                raise ValueError(f"{key}: {twice!r} stands there twice; name it once")
        return self


class Recipe(Section):
    """How one network is trained; `Training.models` may change any of it for one model."""

    weights: str = "offline"  # imagenet, offline, random, or the path of a weights file
    train_from: str = "head"  # head, all, or the name of the first layer that learns
    epochs: pydantic.PositiveInt = 30
    batch_size: pydantic.PositiveInt = 32
    learning_rate: pydantic.PositiveFloat = 1e-4
    weight_decay: pydantic.NonNegativeFloat = 1e-5
    schedule: Literal["constant", "cosine"] = "constant"
    patience: pydantic.PositiveInt = 5  # epochs without a better validation loss
    class_weights: bool = True  # inverse to class frequency
    label_smoothing: float = pydantic.Field(0.0, ge=0, lt=1)
    dropout: float = pydantic.Field(0.3, ge=0, lt=1)
    clip_norm: pydantic.PositiveFloat | None = None
    ema: float | None = pydantic.Field(None, gt=0, lt=1)
    mixed_precision: bool = False  # float16; slow on a GPU where convolutions are depthwise (TensorFlow issue 41715)
    augment: bool = False
    cached_views: int = pydantic.Field(0, ge=0)  # random views per page whose frozen prefix is cached
    head_epochs: pydantic.NonNegativeInt = 0  # two-stage training: so many epochs for the head first
    head_learning_rate: pydantic.PositiveFloat = 1e-3  # of that first stage
    inner_answers: bool = True  # on a frozen prefix: out-of-fold answers for the learning part, for thresholds
    width: pydantic.PositiveInt = 32  # filters of the first block of baseline_cnn


class Training(Recipe):
    models: dict[str, dict[str, Any]] = {}  # model name -> keys of Recipe that differ for it

    @pydantic.model_validator(mode="after")
    def _overrides_are_recipes(self) -> Self:
        for name in self.models:
            try:
                self.recipe(name)
            except pydantic.ValidationError as error:
                raise ValueError(f"models.{name}.{_explain(error, Recipe)}") from None
        return self

    def recipe(self, model: str) -> Recipe:
        """The recipe of one model: the common one with this model's changes."""
        common = self.model_dump(exclude={"models"})
        return Recipe.model_validate(common | self.models.get(model, {}))


class Evaluation(Section):
    resamples: pydantic.PositiveInt = 10_000
    level: float = pydantic.Field(0.95, gt=0.5, lt=1)
    robustness_pages: pydantic.NonNegativeInt = 0  # 0: no damaged pages are answered
    robustness_severities: tuple[Annotated[int, pydantic.Field(ge=1, le=5)], ...] = (2, 4)
    controls: tuple[Control, ...] = ()  # trained beside the clean runs of `grouped`
    learning_shares: tuple[Annotated[float, pydantic.Field(gt=0, lt=1)], ...] = ()  # of the groups to learn from
    averages: tuple[Annotated[tuple[str, ...], pydantic.Field(min_length=2)], ...] = ()  # models whose mean answers too
    control_model: str = "efficientnet_lite0"  # whose controls, shares and damaged pages


class Explanation(Section):
    models: tuple[str, ...] = ("efficientnet_lite0",)
    methods: tuple[str, ...] = ("gradcam",)
    pages: pydantic.PositiveInt = 24
    faithfulness_pages: pydantic.NonNegativeInt = 24  # go through the tests of faithfulness; 0: none
    drawn_pages: pydantic.PositiveInt = 192  # are drawn for a head to learn from, so that the truth is known
    steps: pydantic.PositiveInt = 512  # of integrated gradients at most


class Execution(Section):
    engine: Literal["local", "ray"] = "local"
    workers: pydantic.PositiveInt = 1  # processes side by side on this machine
    address: str | None = None  # of an existing Ray cluster
    gpus_per_task: float = pydantic.Field(0.0, ge=0)
    mirrored: bool = False  # spread one run over all GPUs of the machine
    tensorboard: bool = True  # learning curves in logs/, beside runs/
    mlflow: str | None = None  # a folder, or the address of a tracking server: learning curves there too


class Study(Section):
    """The parameters of one study. `Study.load` is the door."""

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_-]{0,79}$")
    data: Data = Data()
    image: Image = Image()
    splits: Splits = Splits()
    models: tuple[str, ...] = pydantic.Field(min_length=1)
    ablations: tuple[str, ...] = ()  # trained under `grouped` alone, for notebook 3; no other table shows them
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    explanation: Explanation = Explanation()
    execution: Execution = Execution()

    @pydantic.field_validator("name")
    @classmethod
    def _keeps_off_what_is_committed(cls, name: str) -> str:
        if name in RESERVED:
            raise ValueError(f"outputs/{name} holds what is committed; choose another name")
        return name

    @pydantic.model_validator(mode="after")
    def _each_model_stands_once(self) -> Self:
        names = [*self.models, *self.ablations]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"models and ablations: {twice!r} stands there twice; name it once")
        return self

    @pydantic.model_validator(mode="after")
    def _averages_are_of_its_models(self) -> Self:
        for member in (name for members in self.evaluation.averages for name in members):
            choose("evaluation.averages: model", member, self.models)
        return self

    @classmethod
    def load(cls, study: "str | Path | dict[str, Any] | Study", *, data: str | None = None) -> "Study":
        """A validated study from a params file, from its content, or as it is.

        Args:
            study: path of a YAML file, the mapping below its top key `study`, or a `Study`.
            data: another data source (a folder or a CSV); the study's name then carries its hash.

        Raises:
            ValueError: one line that names the file, the key and what is allowed.
        """
        if isinstance(study, Study):
            return study
        where, content = ("parameters", study) if isinstance(study, dict) else (str(study), _read(Path(study)))
        if data is not None:
            content = content | {"data": dict(content.get("data") or {}) | {"source": data}}
            content["name"] = f"{content.get('name', 'study')}-{_short_hash(str(Path(data).resolve()))}"
        try:
            return cls.model_validate(content)
        except pydantic.ValidationError as error:
            raise ValueError(f"{where}: {_explain(error, cls)}") from None

    @property
    def folder(self) -> Path:
        """Where this study's outputs lie: `$ECGSTUDY_OUTPUTS/<name>`, `outputs/<name>` by default."""
        return outputs_root() / self.name

    @property
    def content(self) -> dict[str, Any]:
        """The parameters as plain data, as papermill injects them."""
        return self.model_dump(mode="json")


def project_root() -> Path:
    """The folder that holds `notebooks/` and `params/`: the working folder, a parent of it, or the checkout."""
    here = Path.cwd()
    places = (here, *here.parents, Path(__file__).resolve().parents[1])
    return next((place for place in places if (place / "notebooks").is_dir()), here)


def outputs_root() -> Path:
    """`$ECGSTUDY_OUTPUTS`, by default `outputs/` of the project."""
    return Path(os.environ.get("ECGSTUDY_OUTPUTS") or project_root() / "outputs")


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(f"{path}: no such params file; the study's own are in params/")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_EachKeyOnce)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict) or list(content) != ["study"] or not isinstance(content["study"], dict):
        raise ValueError(f"{path}: a params file has the single top key 'study' with the parameters below it")
    return content["study"]


class _EachKeyOnce(yaml.SafeLoader):
    """YAML without code, in which a key that stands twice is an error and not silently the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.YAMLError(f"key {twice!r} stands twice in one place")
        return super().construct_mapping(node, deep=deep)


def _explain(error: pydantic.ValidationError, section: Any) -> str:
    """The first complaint as one line, with the nearest known key where a key is unknown."""
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"])) + ": " if first["loc"] else ""
    if first["type"] == "value_error":  # ours
        own = str(first["ctx"]["error"])
        return f"{key[:-2]}.{own}" if key and re.match(r"[a-z]+[\w.]*: ", own) else f"{key}{own}"
    if first["type"] == "extra_forbidden":
        for part in first["loc"][:-1]:
            section = section.model_fields[part].annotation
        try:
            choose("key", str(first["loc"][-1]), sorted(section.model_fields))
        except ValueError as unknown:
            return f"{key}{unknown}"
    said = first["msg"].lower().replace("valid tuple", "list").replace("tuple", "list")
    said = re.sub(r"valid dictionary( or instance of \w+)?", "mapping of keys to values", said)
    return f"{key}{said}" + ("" if first["type"] == "missing" else f" (got {first['input']!r})")


def _short_hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]
