"""What the page in the browser shows of one picture, as HTML with its figures inside."""

import base64
import functools
import html
import io
from dataclasses import replace

import numpy as np
import PIL.Image

from ecgstudy.data.shipped import load_pages
from ecgstudy.explanation import explained
from ecgstudy.predict import opening
from ecgstudy.predict.answer import Prediction, in_words
from ecgstudy.predict.ask import predict
from ecgstudy.predict.figure import plot_leads, plot_signals
from ecgstudy.predict.page import REASONS
from ecgstudy.predict.worker import MOST_UPLOAD_PIXELS
from ecgstudy.release.load import find_release, load_release
from ecgstudy.report import style
from ecgstudy.report.figures_pages import overlay
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES


class Asked:
    """A released model that answers one picture at a time.

    Args:
        model: a released model's folder or a study's name.
    """

    def __init__(self, model: str | None = None):
        self.released = load_release(find_release(model))
        self.released.members  # noqa: B018  # loads them

    def judge(self, title: str, picture: bytes | str) -> Prediction:
        """Judge the bytes of a file, or an example by its name."""
        try:
            array = example(picture) if isinstance(picture, str) else _decoded(picture, title)
        except (ValueError, OSError) as error:
            own = predict([np.full((8, 8, 3), 255, np.uint8)], self.released)[0]  # for the model's own words
            return replace(own, path=title, reason="unreadable", measured=str(error).removeprefix(f"{title}: "))
        return replace(predict([array], self.released)[0], path=title)

    def answer(self, prediction: Prediction) -> str:
        """Everything but the map."""
        parts = [_refusal(prediction) if prediction.refused else _bars(prediction)]
        if prediction.view is not None:
            parts.append(f"<h2>Page and leads</h2>{_drawn(plot_leads, prediction, 'The page with its leads')}")
        if prediction.traced is not None:
            parts.append(f"<h2>Signals read off the page</h2>{_drawn(plot_signals, prediction, 'Twelve signals')}")
        told = (f"{prediction.model}. {prediction.tested}", prediction.leads_tested["sentence"])
        parts += [f'<p class="soft">{html.escape(line)}</p>' for line in told]
        return f'<div class="ecg">{"".join(parts)}</div>'

    def map(self, prediction: Prediction) -> str:
        """Where one of the networks looked; a sentence where that cannot be said."""
        assert prediction.view is not None
        try:
            one = explained.explain_picture(
                self._member, prediction.view, region=self.released.record["picture"]["region"],
                label=prediction.likeliest,
            )  # fmt: skip
        except ValueError as error:
            return f'<div class="ecg"><p class="soft">No map: {html.escape(str(error))}</p></div>'
        picture = _img(PIL.Image.fromarray(overlay(one.picture, one.heat)), "Grad-CAM on the page")
        words = (
            f"One of the {len(self.released.record['runs'])} networks by itself, before calibration: {one.sentence} "
            "A map shows where a network looked, not where a heart is ill."
        )
        return f'<div class="ecg"><h2>Where the model looked</h2>{picture}<p>{html.escape(words)}</p></div>'

    @functools.cached_property
    def _member(self):  # type: ignore[no-untyped-def]  # a NetworkAnswer, known where TensorFlow is
        return self.released.member(0)


def _decoded(content: bytes, title: str) -> np.ndarray:
    return opening.decode_any(content, title, most_pixels=MOST_UPLOAD_PIXELS)


def example(name: str) -> np.ndarray:
    """The picture behind one of the page's examples: the first left-out page of a class, not the prettiest."""
    if name == "no ECG":
        squares = np.indices((8, 12)).sum(axis=0) % 2 * 255
        return np.kron(squares, np.ones((120, 120)))[..., None].repeat(3, axis=2).astype(np.uint8)
    pages = load_pages("selected", unseen=True)
    rows = pages.distinct[~pages.distinct["selected"].astype(bool)].sort_values("page_id")
    if name == "another layout":
        found = rows[rows["layout"].isin(["6x2plain", "6x2grid"])]
    else:
        found = rows[(rows["layout"] == "3x4") & (rows["label"] == name)]
    return pages.picture(found["page_id"].iloc[0])


def _refusal(prediction: Prediction) -> str:
    assert prediction.reason is not None
    words = f"{REASONS[prediction.reason]} ({prediction.measured})"
    measured = "".join(f"<p>{html.escape(line.strip())}</p>" for line in in_words(prediction).splitlines()[2:])
    return f'<p class="refused">Refused: {html.escape(prediction.reason)}</p><p>{html.escape(words)}</p>{measured}'


def _bars(prediction: Prediction) -> str:
    assert prediction.probabilities is not None
    rows = []
    for name in CLASSES:
        value = prediction.probabilities[name]
        kept = " *" if name in (prediction.prediction_set or ()) else ""
        bar = f'<div style="width:{100 * value:.0f}%;background:{style.CLASS_COLOURS[name]}"></div>'
        rows.append(
            f'<div class="row"><span>{CLASS_TITLES[name]}{kept}</span><div class="bar">{bar}</div>'
            f"<span>{value:.2f}</span></div>"
        )
    lines = [f"<p>{html.escape(line.strip())}</p>" for line in in_words(prediction).splitlines()[2:]]
    head = "The model abstains" if prediction.abstained else "One class is left"
    return (
        f"<h2>{head}</h2>{''.join(rows)}"
        f'<p class="soft">Calibrated probabilities; * cannot be ruled out.</p>{"".join(lines)}'
    )


def _drawn(plot, prediction: Prediction, words: str) -> str:  # type: ignore[no-untyped-def]  # a drawing function
    import matplotlib.pyplot as plt

    axes = plot(prediction)
    buffer = io.BytesIO()
    with style.styled():
        axes.figure.savefig(buffer, format="png", dpi=130, bbox_inches="tight")
    plt.close(axes.figure)
    return f'<img alt="{words}" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def _img(picture: PIL.Image.Image, words: str) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return f'<img alt="{words}" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'
