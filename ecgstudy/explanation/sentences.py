"""A map in words: which leads, which part of the beat, how sure. From the numbers alone."""

import pandas as pd

from ecgstudy.explanation.leads import OUTSIDE, STRIP, TERRITORY_OF, territory_shares
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES, LEADS

_STANDS_OUT = 1.5  # times its share of the area
_NAMED = 3  # leads at most
_MUCH_OUTSIDE = 2.0  # times its share of the area
_POINTS_AT = 1.2  # times its share of the time; a map as coarse as Grad-CAM's can't point at a part of the beat
_AGREE, _PARTLY = 0.7, 0.4  # rank correlations


def sentence(
    label: str, probability: float, shares: pd.Series, areas: pd.Series, *,
    method: str = "Grad-CAM", phases: pd.Series | None = None, phase_areas: pd.Series | None = None,
    agreement: float | None = None,
) -> str:  # fmt: skip
    """What a map says about one page, for people.

    Args:
        label: the class that was asked about.
        probability: the model's, 0 to 1.
        shares: of the map, by region (`leads.lead_shares`).
        areas: of the page, by region (`leads.area_shares`).
        method: title of the method.
        phases: of the map, by phase (`phases.phase_shares`).
        phase_areas: the same of an even map.
        agreement: rank correlation with the maps of models trained on other parts of the data.

    Returns:
        Two to five plain sentences. They say where the model looks, never what a heart has.
    """
    title = CLASS_TITLES[label] if label in CLASSES else label
    text = [f"The model answers “{title}” with a probability of {probability:.2f}."]
    if shares.isna().any():
        return f"{text[0]} Its map ({method}) shows no place on the page that speaks for it."
    if not shares.drop(OUTSIDE).sum() > 0:  # shares of the leads would be 0/0
        where = "wholly outside of all leads, where no heart is: distrust this answer"
        return f"{text[0]} Its map ({method}) lies {where}. {_how_sure(agreement)}"
    text.append(_where(shares, areas, method))
    if phases is not None and phase_areas is not None:
        text.append(_when(phases, phase_areas))
    if shares[OUTSIDE] > _MUCH_OUTSIDE * max(areas[OUTSIDE], 0.02):
        text.append(f"{shares[OUTSIDE]:.0%} lies outside of all leads, where no heart is: distrust this answer.")
    text.append(_how_sure(agreement))
    return " ".join(text)


def _where(shares: pd.Series, areas: pd.Series, method: str) -> str:
    places = [*LEADS, STRIP]
    lift = (shares / areas.where(areas > 0))[places]
    ranked = shares[places][lift >= _STANDS_OUT].sort_values(ascending=False)[:_NAMED]
    if ranked.empty:
        return f"Its map ({method}) is spread over the page: no lead has much more of it than its share of the area."
    names = [f"{'the rhythm strip' if name == STRIP else name} ({share:.0%})" for name, share in ranked.items()]
    text = f"Its map ({method}) lies mostly on {_listed(names)}"
    walls, even = territory_shares(shares), territory_shares(areas)
    wall = str((walls / even).idxmax())
    named = [name for name in ranked.index if name in LEADS]
    if named and all(TERRITORY_OF.get(name) == wall for name in named):
        text += f"; the {wall} leads together have {walls[wall]:.0%}, by area it would be {even[wall]:.0%}"
    return text + "."


def _when(phases: pd.Series, areas: pd.Series) -> str:
    inside, even = (part.drop(OUTSIDE) / part.drop(OUTSIDE).sum() for part in (phases, areas))
    lift = (inside / even.where(even > 0)).drop("between")
    if not lift.max() >= _POINTS_AT:  # NaN too, where no beat lies in a lead
        return "It does not point at one part of the beat."
    phase = str(lift.idxmax())
    words = {"P": "P waves", "QRS": "QRS complexes", "ST": "ST segments", "T": "T waves"}[phase]
    return f"Within the leads, {inside[phase]:.0%} falls on {words} ({even[phase]:.0%} of the time)."


def _how_sure(agreement: float | None) -> str:
    if agreement is None:
        return "Whether another model would look at the same places was not asked."
    word = "agree" if agreement >= _AGREE else "agree in part" if agreement >= _PARTLY else "disagree"
    return f"Models trained on other parts of the data {word} about the places (rank correlation {agreement:.2f})."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
