"""Paging through a study's tested pages in a notebook: the page, what a model answered, and where it looked."""

import functools
import html
import io
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
import PIL.Image

from ecgstudy.data.manifest import Pages
from ecgstudy.evaluation import pooling
from ecgstudy.explanation.cases import cases
from ecgstudy.models import registry
from ecgstudy.report import style, tables
from ecgstudy.report.figures_pages import overlay, waveform_picture
from ecgstudy.study import Study
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES, PROBABILITIES

EVERY = "all pages"
KINDS = {
    EVERY: lambda rows: rows.right | True,
    "answered right": lambda rows: rows.right,
    "answered wrong": lambda rows: ~rows.right,
    "missed infarctions": lambda rows: (rows.label == "mi") & ~rows.right,
}


class Browser:
    """Widgets to page through cases; `browse_cases` makes one.

    Attributes:
        widget: what a notebook shows.
        model, kind, place, method: its controls; setting their `value` turns the page.
        picture, words: what is shown.
    """

    def __init__(self, study: Study, pages: Pages, predictions: pd.DataFrame, *, count: int, method: str | None):
        self._study, self._pages, self._count = study, pages, count
        self._tested = _tested(predictions)
        names = tables.order_models(self._tested["model"].unique())
        titles = [(tables.model_title(name), name) for name in names]
        self.model = ipywidgets.Dropdown(options=titles, description="model", value=_first(study, names))
        self.kind = ipywidgets.Dropdown(options=list(KINDS), description="show")
        self.place = ipywidgets.IntSlider(min=1, max=1, description="page", continuous_update=False)
        self.method = ipywidgets.Dropdown(
            options=[("no map", None), ("Grad-CAM", "gradcam"), ("leads blanked in turn", "lead_occlusion")],
            description="map", value=method,
        )  # fmt: skip
        self.picture, self.words = ipywidgets.Image(format="png"), ipywidgets.HTML()
        self.picture.layout.width = "100%"
        controls = ipywidgets.HBox(
            [self.model, self.kind, self.method, self.place], layout=ipywidgets.Layout(flex_flow="row wrap")
        )
        self.widget = ipywidgets.VBox([controls, self.words, self.picture])
        for control in (self.model, self.kind):
            control.observe(self._choose, "value")
        for control in (self.place, self.method):
            control.observe(self._turn, "value")
        self._choose()

    def _choose(self, change: Any = None) -> None:
        own = self._tested[self._tested["model"] == self.model.value]
        rows = cases(own, self._pages.manifest, count=len(own))
        self.rows = rows[KINDS[self.kind.value](rows)].head(self._count).reset_index(drop=True)
        self.place.max = max(1, len(self.rows))
        self.place.value = 1
        self._turn()

    def _turn(self, change: Any = None) -> None:
        if self.rows.empty:
            self.picture.value, self.words.value = _png(np.full((8, 8, 3), 255, np.uint8)), "<p>No such page.</p>"
            return
        case = self.rows.iloc[self.place.value - 1]
        own = self._tested[(self._tested["model"] == self.model.value) & (self._tested["page_id"] == case.page_id)]
        picture, sentence = waveform_picture(self._pages, case.page_id), ""
        if self.method.value is not None:
            picture, sentence = self._explained(case.page_id, str(own["run"].iloc[0]), str(case.answer), picture)
        self.picture.value = _png(picture)
        self.words.value = _words(case, own[list(PROBABILITIES)].mean().to_numpy(), sentence)

    def _explained(self, page_id: str, run: str, label: str, picture: np.ndarray) -> tuple[np.ndarray, str]:
        from ecgstudy.explanation import explained

        row = registry.model_row(self.model.value)
        if not row.is_network or row.input != "page":
            return picture, f"No map: {tables.model_title(row.name)} reads {row.input}, not the pixels of a page."
        found, failed = explained.explain_pages(
            self._answer(run), self._pages, [page_id], method=self.method.value, label=label,
            region=self._study.image.region,
        )  # fmt: skip
        if failed:
            return picture, f"No map: {failed[page_id]}"
        return overlay(found[0].picture, found[0].heat), found[0].sentence

    @functools.lru_cache(maxsize=2)  # noqa: B019  # one browser per notebook
    def _answer(self, name: str) -> Any:
        from ecgstudy.training import answers, runs

        run = next(one for one in runs.study_runs(self._study, [self.model.value]) if one.name == name)
        return answers.load_answer(self._study, run)


def browse_cases(
    study: Study, pages: Pages, predictions: pd.DataFrame, *, count: int = 60, method: str | None = None
) -> Browser:
    """Page through tested pages of the protocol `grouped`, model by model.

    Args:
        study: whose runs answered.
        pages: its pages.
        predictions: from `es.read_predictions(study)`.
        count: how many pages at most; of each class, right and wrong answers in turn, drawn at random.
        method: the map that is shown first: `gradcam`, `lead_occlusion`, or none.

    Returns:
        A browser; show its `widget`.

    Raises:
        ValueError: no model has answered test pages of `grouped`.
    """
    return Browser(study, pages, predictions, count=count, method=method)


def _tested(predictions: pd.DataFrame) -> pd.DataFrame:
    """Clean test answers under `grouped`, first seed: every page once per model."""
    rows = pooling.clean(predictions)
    rows = rows[(rows["protocol"] == "grouped") & (rows["part"] == "test")]
    if rows.empty:
        raise ValueError("no model has answered test pages of protocol 'grouped'; train the study first")
    rows = rows[rows["seed"] == rows["seed"].min()]
    return rows.drop_duplicates(["model", "page_id"])


def _first(study: Study, names: list[str]) -> str:
    """The first of the study's explained models that has answered, or the first model."""
    return next((name for name in study.explanation.models if name in names), names[0])


def _words(case: Any, answers: np.ndarray, sentence: str) -> str:
    bars = "".join(
        f'<tr><td>{CLASS_TITLES[name]}</td><td style="width:14rem"><div style="width:{100 * p:.0f}%;height:.8rem;'
        f'background:{style.CLASS_COLOURS[name]}"></div></td><td>{p:.2f}</td></tr>'
        for name, p in zip(CLASSES, answers, strict=True)
    )
    verdict = "right" if case.right else "wrong"
    head = (
        f"<b>{case.page_id}</b>: labelled {CLASS_TITLES[case.label]}, answered {CLASS_TITLES[case.answer]} ({verdict})"
    )
    return f"<p>{head}</p><table>{bars}</table><p>{html.escape(sentence)}</p>"


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
