"""The page in the browser, as a person uses it: an example, a picture of one's own, a picture that is no ECG."""

import base64
import io
import os
import subprocess
import sys
import urllib.request

import PIL.Image
import pytest

from ecgstudy.pages import draw
from ecgstudy.predict.browser import CHOOSE, EXAMPLES, MOST_UPLOAD_BYTES

PATIENCE_SECONDS = 240  # on a machine that is busy with other tests
DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
const transfer = new DataTransfer();
transfer.items.add(new File([bytes], arguments[1], {type: arguments[2]}));
document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true}));
"""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return tmp_path_factory.mktemp("none")


@pytest.fixture(scope="module")
def address(outputs):
    """Of a page served as `ecgstudy app` serves it, with the model that comes with ecgstudy."""
    environment = os.environ | {"ECGSTUDY_OUTPUTS": str(outputs)}
    environment.pop("ECGSTUDY_MODEL", None)
    command = [sys.executable, "-m", "ecgstudy", "app", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as server:
        told = next(line for line in server.stderr if "http" in line)
        yield told.split()[0]
        server.send_signal(2)  # control-C
        server.wait(30)


@pytest.fixture(scope="module")
def page(address, open_browser):
    browser = open_browser()
    browser.get(address)
    wait(browser, "Ready")
    return browser


def status(browser):
    return browser.execute_script("return document.querySelector('.ecg-status')?.textContent || ''")


def wait(browser, beginning):
    from selenium.webdriver.support.ui import WebDriverWait

    try:
        WebDriverWait(browser, PATIENCE_SECONDS).until(lambda b: status(b).startswith(beginning))
    except Exception as error:
        raise AssertionError(f"waited for {beginning!r}, the page says {status(browser)!r}") from error
    return browser.find_element("tag name", "body").text


def choose(browser, title):
    from selenium.webdriver.support.ui import Select

    Select(browser.find_element("tag name", "select")).select_by_visible_text(title)


def drop(browser, content, name, kind):
    browser.execute_script(DROP, base64.b64encode(content).decode(), name, kind)


def images(browser):
    return browser.execute_script("return [...document.images].map((i) => [i.alt, i.naturalWidth])")


def test_the_page_says_what_it_is_before_anything_is_loaded(address):
    with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as answer:
        text = answer.read(200_000).decode()
    before_the_kernel = text.partition("jupyter-config-data")[0]
    assert "not a medical device" in before_the_kernel and "jsdelivr" not in text


def test_an_example_gets_probabilities_page_signals_and_map(page, errors):
    title = next(iter(EXAMPLES))
    choose(page, title)
    text = wait(page, "Done")
    assert "Myocardial infarction" in text and "balanced accuracy" in text and "Where the model looked" in text
    assert [alt for alt, width in images(page) if width > 300] == [
        "The page with its leads", "Twelve signals", "Grad-CAM on the page",
    ]  # fmt: skip
    assert not errors(page)


def test_a_dropped_picture_is_answered_and_nothing_is_written(page, outputs):
    buffer = io.BytesIO()
    PIL.Image.fromarray(draw.synthetic_page(5, seed=77, size="page").picture).save(buffer, "JPEG", quality=90)
    drop(page, buffer.getvalue(), "my-page.jpg", "image/jpeg")
    text = wait(page, "Done: my-page.jpg")
    assert "rate 73/min" in text and not list(outputs.iterdir())


def test_a_picture_that_is_no_ecg_is_refused(page):
    choose(page, CHOOSE)
    choose(page, "No ECG at all")
    assert "Refused: not an ECG" in wait(page, "Refused")
    drop(page, b"no picture", "letter.png", "image/png")
    assert "Refused: unreadable" in wait(page, "Refused: letter.png")


def test_a_file_that_is_too_large_does_not_even_travel(page):
    page.execute_script(
        "const t = new DataTransfer(); t.items.add(new File([new ArrayBuffer(arguments[0])], 'huge.png'));"
        "document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: t, bubbles: true, cancelable: true}));",
        MOST_UPLOAD_BYTES + 1,
    )
    assert "at most 20 MB" in wait(page, "huge.png")


def test_the_page_works_by_keyboard_alone(page):
    from selenium.webdriver.common.keys import Keys

    choose(page, CHOOSE)
    page.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
    reached = []
    for _ in range(4):
        page.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(page.switch_to.active_element.tag_name)
    assert {"button", "select"} <= set(reached)
    box = page.find_element("tag name", "select")
    box.send_keys(Keys.END)  # the last example
    assert "Refused: not an ECG" in wait(page, "Refused: No ECG")


def test_at_the_width_of_a_phone_nothing_sticks_out(page, set_width, is_wider_than_its_window):
    choose(page, "Normal, a page left out of the selection")
    wait(page, "Done: Normal")
    set_width(page, 390)
    assert not is_wider_than_its_window(page)
