"""Signals -> picture of a page, with its truth; synthetic pages in any number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from ecgstudy.pages import paper, pen, signals
from ecgstudy.pages.layout import Box, PageLayout, row_edges
from ecgstudy.pages.near_copies import NEAR_COPIES, near_copy
from ecgstudy.pages.paper import PIXELS_PER_MV, Sheet
from ecgstudy.vocabulary import CLASSES, LEADS, choose

Size = Literal["page", "grid", "packed"]
SIZES: tuple[Size, ...] = ("page", "grid", "packed")
PACKED_SCALE = 3  # packed pages are the waveform area at a third of the original's scale
_FREQUENCIES = {"mi": 30, "abnormal": 233, "history": 86, "normal": 142}  # distinct selected pages


@dataclass(frozen=True)
class SyntheticPage:
    """A drawn page and everything that is true about it."""

    picture: np.ndarray  # uint8 RGB (height, width, 3)
    layout: PageLayout
    recording: signals.Recording
    number: int  # of the page in its series; near-copies have their original's
    changed_copy: str  # "" or how a near-copy was made: a row of `NEAR_COPIES`
    mark: Box | None  # where the planted shortcut stands

    @property
    def label(self) -> str:
        """The class, in vocabulary.CLASSES."""
        return self.recording.label

    @property
    def territory(self) -> tuple[str, ...]:
        """The leads that carry the class."""
        return self.recording.territory

    @property
    def printed_bpm(self) -> int:
        """The rate as the page prints it."""
        return round(self.recording.rate)


def draw_page(
    recording: signals.Recording, *, layout: str = "3x4", size: Size = "packed", strip_lead: str = "II",
    shortcut: bool = False, number: int = 0, rng: np.random.Generator | None = None,
) -> SyntheticPage:  # fmt: skip
    """Draw ten seconds of 12 leads as one page.

    Args:
        recording: what to draw.
        layout: 3x4, 6x2plain or 6x2grid.
        size: `page` is 2213 x 1572 with header and footer, `grid` the waveform area of it, `packed` that
            area at a third of the scale.
        strip_lead: the lead of the rhythm strip, where the layout has one.
        shortcut: print a mark that tells the class: in the footer, or inside the frame's lower edge where
            the picture has no footer.
        number: printed on the page.
        rng: moves the rows of `6x2grid`; without it they stand where they stand most often.

    Raises:
        ValueError: unknown layout, size or lead.
    """
    choose("layout", layout, tuple(paper.SHEETS))
    choose("size", size, SIZES)
    choose("lead", strip_lead, LEADS)
    sheet = paper.sheet(layout, rng=rng)
    canvas = paper.blank(sheet.name, sheet.frame, sheet.has_grid).copy()
    pen.furniture(canvas, sheet, strip_lead)
    pen.traces(canvas, _cut(recording, sheet), recording.sampling_rate, sheet)
    if sheet.strip_zero_line is not None:
        strip = recording.signals[strip_lead]
        pen.trace(canvas, strip, recording.sampling_rate, sheet.columns[0], sheet.strip_zero_line)
    pen.header_and_footer(canvas, sheet, rate=recording.rate, number=number)
    region = "page" if size == "page" else "grid"
    mark = pen.mark(canvas, sheet, recording.label, region) if shortcut else None
    picture, place = crop(canvas, sheet, size)
    return SyntheticPage(
        picture, page_layout(sheet, region, strip_lead, place), recording, number, "", mark and place.box(mark)
    )


def packed_shape(layout: str) -> tuple[int, int]:
    """Height and width of a packed page of this layout."""
    left, top, right, bottom = paper.SHEETS[choose("layout", layout, tuple(paper.SHEETS))].frame
    return round((bottom - top) / PACKED_SCALE), round((right - left) / PACKED_SCALE)


def crop(canvas: np.ndarray, sheet: Sheet, size: Size) -> "tuple[np.ndarray, Place]":
    """The picture in the wanted size, and where a full page's pixels went."""
    if size == "page":
        return canvas, Place(0, 0, paper.WIDTH, paper.HEIGHT, 1.0)
    left, top, right, bottom = sheet.frame
    area = canvas[top:bottom, left:right]
    if size == "grid":
        return area.copy(), Place(left, top, right - left, bottom - top, 1.0)
    height, width = round(area.shape[0] / PACKED_SCALE), round(area.shape[1] / PACKED_SCALE)
    small = cv2.resize(area, (width, height), interpolation=cv2.INTER_AREA)
    return small, Place(left, top, right - left, bottom - top, 1 / PACKED_SCALE)


@dataclass(frozen=True)
class Place:
    """Which part of a full page a picture shows, in the page's pixels, and at what scale."""

    left: float
    top: float
    width: float
    height: float
    scale: float

    def box(self, edges: Sequence[float]) -> Box:
        """Left, top, right, bottom in pixels of the full page as fractions of the picture."""
        left, top, right, bottom = edges
        return Box(
            (left - self.left) / self.width,
            self.y(top),
            (right - self.left) / self.width,
            self.y(bottom),
        )

    def y(self, pixel: float) -> float:
        """A height on the full page as a fraction of the picture's height."""
        return (pixel - self.top) / self.height


def page_layout(sheet: Sheet, region: str, strip_lead: str | None, place: Place) -> PageLayout:
    """The layout of a drawn page, as `find_layout` reports it."""
    lines = [*sheet.zero_lines] + ([sheet.strip_zero_line] if sheet.strip_zero_line is not None else [])
    edges = row_edges(lines, sheet.frame[1], sheet.frame[3])
    boxes = {
        lead: place.box((left, edges[row], right, edges[row + 1]))
        for row, leads in enumerate(sheet.rows)
        for lead, left, right in zip(leads, sheet.columns[:-1], sheet.columns[1:], strict=True)
    }
    zero_lines = {lead: place.y(y) for leads, y in zip(sheet.rows, sheet.zero_lines, strict=True) for lead in leads}
    has_strip = sheet.strip_zero_line is not None
    strip = (sheet.columns[0], edges[len(sheet.rows)], sheet.columns[-1], edges[-1])
    return PageLayout(
        name=sheet.name,
        region=region,
        frame=place.box(sheet.frame),
        leads={lead: boxes[lead] for lead in LEADS},
        zero_lines={lead: zero_lines[lead] for lead in LEADS},
        strip=place.box(strip) if has_strip else None,
        strip_lead=strip_lead if has_strip else None,
        strip_zero_line=place.y(sheet.strip_zero_line) if sheet.strip_zero_line is not None else None,
        pixels_per_mm=PIXELS_PER_MV / 10 * place.scale,
    )


def _cut(recording: signals.Recording, sheet: Sheet) -> dict[str, np.ndarray]:
    """Each lead from the time at which its column begins: the columns of a page follow each other."""
    starts = [round(column * sheet.seconds * recording.sampling_rate) for column in range(len(sheet.columns) - 1)]
    return {
        lead: recording.signals[lead][start:] for row in sheet.rows for lead, start in zip(row, starts, strict=True)
    }


@dataclass(frozen=True)
class PlannedPage:
    """What stands on a page of a series, before it is drawn."""

    recording: signals.Recording
    layout: str
    strip_lead: str
    number: int
    rng: np.random.Generator  # for what is left to chance in drawing


def plan_page(
    number: int, *, seed: int, layouts: Sequence[str] = ("3x4",), label: str | None = None, group: int | None = None
) -> PlannedPage:
    """Page `number` of a series without its picture; arguments as for `synthetic_page`."""
    rng = np.random.default_rng([seed, 0, number])
    drawn_label = str(rng.choice(CLASSES, p=np.array([_FREQUENCIES[name] for name in CLASSES]) / 491))
    layout = choose("layout", str(layouts[int(rng.integers(len(layouts)))]), tuple(paper.SHEETS))
    strip_lead = "II" if rng.random() < 0.75 else "III"
    who = signals.person(rng=rng if group is None else np.random.default_rng([seed, 1, group]))
    bandwidth = paper.SHEETS[layout].bandwidth_hz
    recording = signals.simulate(label or drawn_label, rng=rng, who=who, bandwidth_hz=bandwidth)
    return PlannedPage(recording, layout, strip_lead, number, rng)


def synthetic_page(
    number: int, *, seed: int, layouts: Sequence[str] = ("3x4",), size: Size = "packed", label: str | None = None,
    group: int | None = None, shortcut: bool = False, changed_copy: str = "",
) -> SyntheticPage:  # fmt: skip
    """Page `number` of the series `seed`: the same whenever and in whatever order it is asked for.

    Args:
        number: which page.
        seed: which series.
        layouts: one of them is drawn at random.
        size: see `draw_page`.
        label: the class; drawn with the frequencies of the distinct selected pages by default.
        group: pages of one group show one person; a person of its own by default.
        shortcut: plant a mark that tells the class.
        changed_copy: change the finished picture (`NEAR_COPIES`).
    """
    plan = plan_page(number, seed=seed, layouts=layouts, label=label, group=group)
    page = draw_page(
        plan.recording, layout=plan.layout, size=size, strip_lead=plan.strip_lead, shortcut=shortcut,
        number=number, rng=plan.rng,
    )  # fmt: skip
    if not changed_copy:
        return page
    changed = near_copy(page.picture, changed_copy, rng=np.random.default_rng([seed, 2, number]))
    return replace(page, picture=changed, changed_copy=changed_copy)


def synthetic_pages(
    count: int, *, seed: int, layouts: Sequence[str] = ("3x4",), size: Size = "packed", shortcut: bool = False,
    copies: int = 0, near_copies: int = 0,
) -> Iterator[SyntheticPage]:  # fmt: skip
    """`count` distinct pages, then `copies` exact copies and `near_copies` changed copies of some of them.

    Args:
        count: distinct pages, numbered from 0.
        seed: of the whole series.
        layouts: drawn from at random, page by page.
        size: see `draw_page`.
        shortcut: plant a mark that tells the class on every page.
        copies: pages that appear again, pixel for pixel.
        near_copies: pages that appear again re-encoded, shifted, rescaled or cropped, in turns.

    Raises:
        ValueError: more copies than pages, unknown layout or size.
    """
    if max(copies, near_copies) > count:
        raise ValueError(f"cannot copy {max(copies, near_copies)} of {count} pages; ask for more pages or fewer copies")
    rng = np.random.default_rng([seed, 3])
    again = rng.permutation(count)[:copies]
    changed = rng.permutation(count)[:near_copies]
    plan = [(number, "") for number in range(count)] + [(int(number), "") for number in again]
    plan += [(int(number), NEAR_COPIES[turn % len(NEAR_COPIES)]) for turn, number in enumerate(changed)]
    for number, change in plan:
        yield synthetic_page(number, seed=seed, layouts=layouts, size=size, shortcut=shortcut, changed_copy=change)
