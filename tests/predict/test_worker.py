"""One process owns the model: any number of pages ask it, none waits for ever, and strangers learn nothing."""

import contextlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import connection
from multiprocessing.context import AuthenticationError
from types import SimpleNamespace

import PIL.Image
import pytest

from ecgstudy.pages import draw
from ecgstudy.predict import remote, worker
from ecgstudy.predict.shown import Asked

AT_ONCE = 20


@pytest.fixture(scope="module")
def judge(released):
    """A process with the tiny model."""
    with remote.started(str(released.folder)) as one:
        one.model()
        yield one


@pytest.fixture(scope="module")
def uploads():
    """Four pages as people send them, with hearts of different rates."""
    found = []
    for number in range(4):
        buffer = io.BytesIO()
        PIL.Image.fromarray(draw.synthetic_page(number, seed=3, size="page").picture).save(buffer, "JPEG", quality=90)
        found.append(buffer.getvalue())
    return found


@pytest.fixture
def serving():
    """A function that serves a judge of one's own in this process, until the test is over."""
    opened = []

    def serve(judge, **options):
        one = worker.Worker(lambda: judge, b"key", **options)
        threading.Thread(target=one.serve, daemon=True).start()
        opened.append(one)
        return remote.Remote(one.port, b"key")

    yield serve
    for one in opened:
        one.close()


class Slow:
    """Judges when it is let."""

    def __init__(self):
        self.begun, self.let, self.judged = threading.Event(), threading.Event(), []

    def judge(self, title, picture):
        self.judged.append(title)
        self.begun.set()
        self.let.wait(30)
        return SimpleNamespace(refused=True)

    def answer(self, prediction):
        return "done"


def last(judge, title, picture):
    """All that was said of a picture, as one dictionary."""
    told = {}
    for one in judge.judge(title, picture):
        told |= one
    return told


def rate(told):
    return re.search(r"rate (\d+)/min", told["answer"])[1]


def test_twenty_pictures_at_once_are_each_answered_within_the_time_that_is_stated(judge, uploads):
    alone = [rate(last(judge, "alone.jpg", content)) for content in uploads]
    assert len(set(alone)) > 1
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pages:
        asked = [pages.submit(last, judge, f"{at}.jpg", uploads[at % 4]) for at in range(AT_ONCE)]
        found = [one.result() for one in asked]
    took = time.monotonic() - began
    assert took < worker.PATIENCE_SECONDS, took
    assert [rate(told) for told in found] == [alone[at % 4] for at in range(AT_ONCE)]
    assert all("map" in told for told in found) and any("waiting" in told for told in found)


def test_whoever_does_not_know_the_key_is_told_nothing(judge, uploads):
    with pytest.raises(AuthenticationError):
        connection.Client((worker.HOST, judge.port), authkey=b"guessed")
    with socket.create_connection((worker.HOST, judge.port), 10) as browser:
        browser.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + bytes(1000))
        said = b""
        with contextlib.suppress(ConnectionResetError):
            while part := browser.recv(1000):
                said += part
    assert b"thumbnail" not in said and len(said) < 100  # the challenge, then nothing
    assert "thumbnail" in judge.model()


def test_an_example_and_a_picture_that_is_none_are_answered_too(judge):
    assert "Refused: not an ECG" in last(judge, "No ECG at all", "no ECG")["answer"]
    told = last(judge, "<b>.png", b"no picture")
    assert told["refused"] and "Refused: unreadable" in told["answer"] and "<b>" not in told["answer"]


def test_a_picture_of_too_many_pixels_is_refused(judge):
    buffer = io.BytesIO()
    PIL.Image.new("1", (8000, 5001), 1).save(buffer, "PNG")
    told = last(judge, "wall.png", buffer.getvalue())
    assert told["refused"] and "8000 x 5001 is larger than 40,000,000 pixels" in told["answer"]


def test_more_bytes_than_are_allowed_are_not_taken(judge):
    with pytest.raises(RuntimeError, match="has ended"):
        last(judge, "huge.png", bytes(worker.MOST_UPLOAD_BYTES + 1))
    assert "thumbnail" in judge.model()


def test_a_queue_that_is_full_says_so_at_once(serving):
    slow = Slow()
    judge = serving(slow, most_waiting=1)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(last, judge, "first", b"1")
        assert slow.begun.wait(30)
        assert "busy: 1 pictures are waiting already" in last(judge, "second", b"2")["failed"]
        slow.let.set()
        assert first.result()["answer"] == "done"
    assert last(judge, "third", b"3")["answer"] == "done"


def test_a_picture_whose_turn_does_not_come_in_time_is_given_up_and_never_judged(serving):
    slow = Slow()
    judge = serving(slow, patience=0.5)
    assert "busy: no answer within 0.5 seconds" in last(judge, "first", b"1")["failed"]
    assert "busy: no answer" in last(judge, "second", b"2")["failed"]
    slow.let.set()
    assert last(judge, "third", b"3")["answer"] == "done"
    assert slow.judged == ["first", "third"]


@pytest.mark.parametrize(
    "error", [KeyError("a fault"), OSError("a fault"), MemoryError("a fault"), EOFError("a fault")]
)
def test_a_judge_that_fails_says_why_in_one_line_and_goes_on(error, serving):
    class Fails(Slow):
        def judge(self, title, picture):
            if title == "bad":
                raise error
            return SimpleNamespace(refused=True)

    judge = serving(Fails())
    assert "a fault" in last(judge, "bad", b"1")["failed"]
    assert last(judge, "good", b"2")["answer"] == "done"


def test_a_model_that_is_not_there_is_named(outputs):
    with remote.started("none") as judge:
        with pytest.raises(RuntimeError, match="none: no released model"):
            judge.model()
        assert "no released model" in last(judge, "page.jpg", b"1")["failed"]


def ended(port, within=20):
    """Whether nobody listens on a port any more, or will soon not."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            socket.create_connection((worker.HOST, port), 1).close()
        except ConnectionRefusedError:
            return True
        time.sleep(0.1)
    return False


def test_it_ends_with_whoever_started_it(released):
    with remote.started(str(released.folder)) as judge:
        port = judge.port
    assert ended(port)
    with pytest.raises(RuntimeError, match="has ended; start the page anew"):
        judge.model()


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
def test_it_ends_although_whoever_started_it_was_killed():
    words = (
        "import time; from ecgstudy.predict import remote\n"
        "with remote.started() as judge: print(judge.port, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", words], stdout=subprocess.PIPE, text=True) as starter:
        port = int(starter.stdout.readline())
        starter.send_signal(signal.SIGKILL)
    assert ended(port)


def test_what_a_page_loads_is_light():
    """A kernel per tab holds no model, no tables and no figures."""
    words = "import sys, ecgstudy.predict.browser; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    heavy = {"tensorflow", "keras", "sklearn", "scipy", "pandas", "numpy", "cv2", "matplotlib", "PIL"}
    assert not heavy & set(done.stdout.split())


def test_what_is_shown_does_not_depend_on_who_asks(judge, uploads, released):
    here = Asked(str(released.folder))
    assert last(judge, "page.jpg", uploads[0])["answer"] == here.answer(here.judge("page.jpg", uploads[0]))
