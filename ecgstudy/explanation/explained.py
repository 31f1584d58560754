"""Pictures in, explanations out: map, lead shares, phases and a sentence for each; a bad picture stops no other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from ecgstudy.data import images
from ecgstudy.data.manifest import Pages
from ecgstudy.explanation import agreement, backdrop, cam, leads, maps, phases, questions, sentences
from ecgstudy.explanation.backdrop import Backdrop
from ecgstudy.explanation.questions import Answer
from ecgstudy.pages import beats, trace
from ecgstudy.pages.layout import PageLayout, find_layout
from ecgstudy.vocabulary import CLASSES, choose

_AT_ONCE = 16  # pictures in memory together


@dataclass(frozen=True)
class Explained:
    """Why a model answers as it does on one picture."""

    name: str
    label: str  # the class that was asked about
    probability: float
    answer: str  # the class that the model finds likeliest
    picture: np.ndarray  # uint8 RGB (height, width, 3): what the model sees, at the picture's own scale
    heat: np.ndarray  # float32 (height, width), on that picture
    layout: PageLayout
    table: pd.DataFrame  # region, share, area: by lead, then by phase where beats were found
    sentence: str


def explain_picture(answer: Answer, picture: np.ndarray, *, method: str = "gradcam", label: str | None = None,
                    region: str = "grid", others: Sequence[Answer] = (), seed: int = 0) -> Explained:  # fmt: skip
    """Explain one answer; arguments as for `explain_pictures`.

    Raises:
        ValueError: the picture cannot be explained; one line.
    """
    found, failed = explain_pictures(
        answer, [("picture", picture)], method=method, label=label, region=region, others=others, seed=seed
    )
    if failed:
        raise ValueError(failed["picture"])
    return found[0]


def explain_pages(answer: Answer, pages: Pages, page_ids: Sequence[str], *, method: str = "gradcam",
                  label: str | None = None, region: str = "grid", others: Sequence[Answer] = (), seed: int = 0,
                  ) -> tuple[list[Explained], dict[str, str]]:  # fmt: skip
    """Explain answers to pages of a study, such as the test part of a run; as `explain_pictures`."""
    unreadable: dict[str, str] = {}

    def readable() -> Iterator[tuple[str, np.ndarray]]:
        for page_id in page_ids:
            try:
                yield page_id, pages.picture(page_id)
            except (OSError, ValueError) as error:
                unreadable[page_id] = str(error)

    found, failed = explain_pictures(
        answer, readable(), method=method, label=label, region=region, others=others, seed=seed
    )
    return found, unreadable | failed


def explain_pictures(
    answer: Answer, pictures: Iterable[tuple[str, np.ndarray]], *, method: str = "gradcam", label: str | None = None,
    region: str = "grid", others: Sequence[Answer] = (), seed: int = 0,
) -> tuple[list[Explained], dict[str, str]]:  # fmt: skip
    """Explain a model's answers to many pictures.

    Args:
        answer: the model.
        pictures: names with upright pictures, uint8 RGB, whole pages or waveform areas of any scale from a third of
            the original upwards.
        method: one of `maps.METHODS`.
        label: the class that is asked about; by default what the model answers.
        region: what the model reads of a page.
        others: models trained on other parts of the data; the sentence says whether they look at the same places.
        seed: of methods that use chance.

    Returns:
        Explanations in the pictures' order, and for each picture that could not be explained its name and why.

    Raises:
        ValueError: unknown method or class, or a model that cannot give what the method needs.
    """
    choose("method", method, list(maps.METHODS))
    if label is not None:
        choose("class", label, CLASSES)
    found: list[Explained] = []
    failed: dict[str, str] = {}
    waiting = iter(pictures)
    while some := list(islice(waiting, _AT_ONCE)):
        views: dict[str, np.ndarray] = {}
        for name, picture in some:
            try:
                views[name] = _view(picture, region)
            except ValueError as error:
                failed[name] = str(error)
        height, width = answer.input_shape
        names, small, behind, unprepared = backdrop.prepare_named(views.items(), height=height, width=width)
        failed |= unprepared
        if names:
            own = {name: views[name] for name in names}
            for one in _explained(answer, own, small, behind, method, label, others, seed):
                if np.isfinite(one.heat).all():
                    found.append(one)
                else:
                    failed[one.name] = f"the map of {method} is not finite; does the model answer NaN?"
    return found, failed


def shares_of(explained: Sequence[Explained]) -> pd.DataFrame:
    """One table of many explanations: `page_id, label, region, share, area`, as `leads.mean_shares` takes it."""
    tables = [one.table.assign(page_id=one.name, label=one.label) for one in explained]
    return pd.concat(tables, ignore_index=True)[["page_id", "label", "region", "share", "area"]]


def _view(picture: np.ndarray, region: str) -> np.ndarray:
    """The region that the model reads, at the picture's own scale, with leads on it."""
    view = images.region_picture(picture, region, source_region=find_layout(picture).region)
    backdrop.leads_layout(view)
    return view


def _explained(
    answer: Answer, views: dict[str, np.ndarray], pictures: np.ndarray, behind: Backdrop, method: str,
    label: str | None, others: Sequence[Answer], seed: int,
) -> list[Explained]:  # fmt: skip
    raw = pictures.astype(np.float32)
    probabilities = questions.probabilities(answer, raw)
    asked = probabilities.argmax(axis=1) if label is None else np.full(len(raw), CLASSES.index(label))
    heats = maps.raw_maps(answer, raw, asked, method=method, backdrop=behind, seed=seed)
    alike = [
        agreement.rank_correlations(heats, maps.raw_maps(o, raw, asked, method=method, backdrop=behind, seed=seed))
        for o in others
    ]
    sure = np.mean(alike, axis=0) if alike else [None] * len(raw)
    return [
        _one(name, view, heats[n], behind, n, probabilities[n], int(asked[n]), method, sure[n])
        for n, (name, view) in enumerate(views.items())
    ]


def _one(
    name: str, view: np.ndarray, heat: np.ndarray, behind: Backdrop, number: int, probabilities: np.ndarray, asked: int,
    method: str, agreed: float | None,
) -> Explained:  # fmt: skip
    layout = behind.layouts[number]
    shares, areas = leads.lead_shares(heat, layout), leads.area_shares(layout, *heat.shape)
    tables = [pd.DataFrame({"share": shares, "area": areas})]
    by_phase = even = None
    times = _beat_times(view, layout)
    if times is not None:
        by_phase, even = (phases.phase_shares(h, layout, times) for h in (heat, np.ones_like(heat)))
        tables.append(pd.DataFrame({"share": by_phase, "area": even}).drop(leads.OUTSIDE))
    text = sentences.sentence(
        CLASSES[asked], float(probabilities[asked]), shares, areas, method=maps.METHODS[method].title,
        phases=by_phase, phase_areas=even, agreement=None if agreed is None else float(agreed),
    )  # fmt: skip
    return Explained(
        name=name,
        label=CLASSES[asked],
        probability=float(probabilities[asked]),
        answer=CLASSES[int(probabilities.argmax())],
        picture=view,
        heat=cam.upsampled(heat[None], view[None])[0],
        layout=layout,
        table=pd.concat(tables).reset_index(names="region"),
        sentence=text,
    )


def _beat_times(view: np.ndarray, layout: PageLayout) -> np.ndarray | None:
    """Seconds of the beats on the page; None where its traces cannot be read."""
    try:
        return beats.find_beats(trace.trace_upright(view, layout)).times
    except ValueError:
        return None
