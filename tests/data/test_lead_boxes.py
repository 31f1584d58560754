"""Lead boxes are cut where the leads are, whatever the layout, and kept."""

import numpy as np
import pytest

from ecgstudy.data import lead_boxes, synthetic
from ecgstudy.pages.layout import LayoutError


@pytest.fixture(scope="module", params=["3x4", "6x2plain", "6x2grid"])
def pages(request):
    return synthetic.synthetic(24, seed=1, unseen=False, layouts=(request.param,))


def test_every_lead_is_found_and_holds_a_trace(pages):
    page = pages.distinct.iloc[0]
    boxes, present = lead_boxes.cut_leads(pages.picture(page["page_id"]), height=48, width=80)
    assert boxes.shape == (13, 48, 80, 3) and boxes.dtype == np.uint8
    assert present[:12].all() and present[12] == (page["layout"] != "6x2grid")
    darkest = boxes.min(axis=(1, 2, 3))
    assert (darkest[present == 1] < 150).all() and (darkest[present == 0] == 255).all()


def test_what_is_no_page_has_no_leads():
    with pytest.raises(LayoutError):
        lead_boxes.cut_leads(np.full((412, 703, 3), 255, np.uint8), height=48, width=80)


def test_a_second_call_cuts_nothing_and_a_damaged_file_is_cut_anew(tmp_path):
    pages = synthetic.synthetic(24, seed=1, unseen=False)
    said: list[str] = []

    def cut():
        return lead_boxes.cached_leads(pages, height=32, width=48, folder=tmp_path, progress=said.append)

    first = np.array(cut().leads)
    assert np.array_equal(cut().leads, first) and len(said) == 1
    path = next(tmp_path.glob("*.npy"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert np.array_equal(cut().leads, first) and len(said) == 2
