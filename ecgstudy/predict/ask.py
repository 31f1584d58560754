"""Pictures in, predictions out: pages are checked one by one, the model answers all of them together."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecgstudy.data import images
from ecgstudy.evaluation import operating
from ecgstudy.explanation import backdrop, occlusion
from ecgstudy.predict import steadiness
from ecgstudy.predict.answer import Prediction, heart, rounded
from ecgstudy.predict.page import CheckedPage, RefusedError, check_page, open_page
from ecgstudy.predict.view import region_view
from ecgstudy.release.card import in_words
from ecgstudy.release.decision import ALPHA
from ecgstudy.release.leads_tested import said_of_leads
from ecgstudy.release.load import Released
from ecgstudy.vocabulary import CLASSES, LEADS

AT_ONCE = 8  # pages that the model answers together; the first words come after so many
RULE = operating.RULES[0].name  # of the alarms that are told

Say = Callable[[str], None]


def predict(
    pictures: Sequence[str | os.PathLike | np.ndarray],
    released: Released,
    *,
    explain: bool = True,
    progress: Say = lambda line: None,
) -> list[Prediction]:
    """Judge pictures, or refuse them by name.

    Args:
        pictures: paths as `opening.picture_paths` gives them, or uint8 RGB arrays.
        released: the model (`load_release`).
        explain: also ask which leads the answer rests on, which takes a dozen answers more per page.
        progress: takes a line per picture.

    Returns:
        One prediction per picture, in their order. A file that cannot be opened is refused, not an error.
    """
    return list(answered(pictures, released, explain=explain, progress=progress))


def answered(
    pictures: Sequence[str | os.PathLike | np.ndarray],
    released: Released,
    *,
    explain: bool = True,
    progress: Say = lambda line: None,
) -> Iterator[Prediction]:
    """As `predict`, a few at a time, so that the first ones can be read while the others are judged."""
    for start in range(0, len(pictures), AT_ONCE):
        yield from _some(pictures[start : start + AT_ONCE], released, explain, progress)


@dataclass(frozen=True)
class _Passed:
    """A page that was not refused."""

    view: np.ndarray  # the region that the model reads, at the scale of the page
    small: np.ndarray  # as the model reads it, and its variations: `(1 + variations, height, width, 3)`


def _some(pictures: Sequence[Any], released: Released, explain: bool, progress: Say) -> list[Prediction]:
    facts: list[dict[str, Any]] = []
    passed: list[_Passed] = []
    for picture in pictures:
        progress(_name(picture))
        own, page = _checked(picture, released)
        facts.append(own)
        if page is not None:
            passed.append(page)
    answers = iter(_answers(passed, released, explain) if passed else [])
    return [Prediction(**own) if "reason" in own else Prediction(**own | next(answers)) for own in facts]


def _checked(picture: Any, released: Released) -> tuple[dict[str, Any], _Passed | None]:
    """What is known of a picture before the model is asked, and what the model is to see unless it was refused."""
    own: dict[str, Any] = {
        "path": _name(picture), "model": released.name, "tested": tested(released),
        "leads_tested": said_of_leads(released.leads_tested),
    }  # fmt: skip
    try:
        page = check_page(picture) if isinstance(picture, np.ndarray) else open_page(picture)
        own |= heart(page) | {"layout": page.layout.name, "turned": round(page.turned, 1), "read": round(page.read, 3)}
        own["traced"] = page.traced
        own["view"] = page.picture[page.layout.frame.pixels(*page.picture.shape[:2])]
        return own, _passed(page, released, own)
    except RefusedError as refusal:
        return own | {"reason": refusal.reason, "measured": str(refusal)}, None


def _passed(page: CheckedPage, released: Released, own: dict[str, Any]) -> _Passed:
    """The page as the model is to see it; its distance from the training pages is put into `own`.

    Raises:
        RefusedError: its layout is not one of the training pages', or it is too unlike them.
    """
    if page.layout.name not in released.layouts:
        known = ", ".join(released.layouts)
        raise RefusedError("unknown layout", f"the page is {page.layout.name}, this model learned from {known}")
    views = [region_view(one, released.record["picture"]) for one in (page, *steadiness.variations(page))]
    small = np.stack([images.resize(view, *released.input_shape) for view in views])
    distance = float(released.likeness.distances(small[:1])[0])
    familiar = bool(released.likeness.is_familiar(small[:1])[0])
    own |= {"distance": rounded(distance, 1), "familiar": familiar, "view": views[0]}
    if distance > released.likeness.limit:
        limit = released.likeness.limit
        raise RefusedError("unlike the training pages", f"{distance:.1f} grey levels from them, at most {limit:.1f}")
    return _Passed(views[0], small)


def _answers(passed: list[_Passed], released: Released, explain: bool) -> list[dict[str, Any]]:
    """Probabilities, sets, alarms, steadiness and leads for pages that passed."""
    raw = released.members.answers(np.concatenate([page.small for page in passed]))
    every = released.decision.probabilities(raw).reshape(len(passed), -1, len(CLASSES))  # (pages, variations, 4)
    raw = raw[:, :: every.shape[1]]  # of the pages as they are
    p_values, alarms = released.decision.p_values(raw), released.decision.alarms(raw)
    found = []
    for row, page in enumerate(passed):
        probabilities = every[row, 0]
        found.append({
            "probabilities": dict(zip(CLASSES, map(float, probabilities.round(4)), strict=True)),
            "prediction_set": tuple(n for n, p in zip(CLASSES, p_values[row], strict=True) if p > ALPHA),
            "waver": round(steadiness.waver(every[row]), 3),
            "alarms": {target: bool(rings[row]) for (target, rule), rings in alarms.items() if rule == RULE},
            "leads": lead_falls(page.view, released, int(probabilities.argmax())) if explain else None,
        })  # fmt: skip
    return found


def lead_falls(view: np.ndarray, released: Released, label: int) -> dict[str, float] | None:
    """By how much a class's probability falls when each lead is replaced by the page's own empty paper.

    Args:
        view: the region that the model reads, at the scale of the page.
        released: the model.
        label: position in `CLASSES`.

    Returns:
        Lead (and `strip`) -> fall of the probability; None where the view has no lead boxes.
    """
    try:
        small, behind = backdrop.prepare([view], height=released.input_shape[0], width=released.input_shape[1])
    except ValueError:  # a view without the marks by which leads are found, such as a redrawn page
        return None
    parts = backdrop.lead_parts(behind.layouts[0], *released.input_shape)
    asked = small.astype(np.float32), np.array([label]), [parts], behind.paper
    falls = occlusion.drops(released, *asked)[0]  # type: ignore[arg-type]  # it asks for probabilities alone
    return {name: round(float(fall), 4) for name, fall in zip((*LEADS, "strip"), falls, strict=False)}


def tested(released: Released) -> str:
    """How the model did on pages that it had not learned from: the strictest rung that the study has."""
    measured = released.record["measured"]
    for protocol in ("unseen", "grouped"):
        if protocol in measured:
            return in_words(released.record, protocol)
    return "How this model does on pages that it has not learned from was not measured."


def _name(picture: Any) -> str:
    return "array" if isinstance(picture, np.ndarray) else str(picture)
