"""The process that owns the model: pages in the browser send it pictures, and it judges one after another.

One model in memory serves any number of pages. Messages are JSON and the bytes of pictures, never pickles; whoever asks
has to know a key that the environment alone holds. Pictures stay in memory. Nothing heavy is loaded before it listens.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent import futures
from multiprocessing import connection
from multiprocessing.context import AuthenticationError
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ecgstudy.predict.shown import Asked

HOST = "127.0.0.1"
PORT, KEY, MODEL = "ECGSTUDY_WORKER", "ECGSTUDY_WORKER_KEY", "ECGSTUDY_MODEL"  # of the environment
PATIENCE_SECONDS = 180.0  # from a picture's arrival to its answer
MOST_WAITING = 30  # pictures, each of up to
MOST_UPLOAD_BYTES = 20_000_000  # and
MOST_UPLOAD_PIXELS = 40_000_000  # a page scanned at 600 dots per inch has 35 million
_MOST_WORDS = 10_000  # bytes of a question without its picture
_GREETING_SECONDS = 10.0  # whoever connects has to say so soon what it wants

Found = TypeVar("Found")


class JudgingError(RuntimeError):
    """No answer, and why in one line."""


class Worker:
    """Judges what it is sent, in the order of arrival; a map is drawn after the pictures that wait by then.

    A question is JSON: `{"do": "model"}`, or `{"do": "judge", "title": ..., "example": name or null}`, followed by the
    bytes of the picture where there is no example. Answers are JSON too, the last one of a question is marked `end`:
    `waiting` (pictures that come first), `model`, `answer` and `map` (HTML), `refused`, `failed` (one line).

    Args:
        load: gives the model; called on the thread that judges.
        key: what whoever asks has to know.
        patience: seconds from a picture's arrival to its answer.
        most_waiting: pictures at once; further ones are told to come back.
    """

    def __init__(
        self, load: Callable[[], "Asked"], key: bytes, *, patience: float = PATIENCE_SECONDS,
        most_waiting: int = MOST_WAITING,
    ):  # fmt: skip
        self._key, self._patience, self._most_waiting = key, patience, most_waiting
        self._listener = connection.Listener((HOST, 0), backlog=4 * most_waiting)
        self._turn = futures.ThreadPoolExecutor(1)
        self._asked = self._turn.submit(load)
        self._waiting, self._counting = 0, threading.Lock()

    @property
    def port(self) -> int:
        """Where it listens, on this computer alone."""
        return self._listener.address[1]  # type: ignore[index, return-value]  # host and port

    def serve(self) -> None:
        """Answer until `close`; every question in a thread of its own."""
        while True:
            try:
                peer = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._welcome, args=(peer,), daemon=True).start()

    def close(self) -> None:
        """Take no more questions."""
        self._listener.close()
        self._turn.shutdown(wait=False, cancel_futures=True)

    def _welcome(self, peer: connection.Connection) -> None:
        with peer:
            try:
                connection.deliver_challenge(peer, self._key)
                connection.answer_challenge(peer, self._key)
                if not peer.poll(_GREETING_SECONDS):
                    return
                question = json.loads(peer.recv_bytes(_MOST_WORDS))
                if question["do"] == "model":
                    self._name(peer)
                else:
                    picture = question["example"] or peer.recv_bytes(MOST_UPLOAD_BYTES)
                    self._take(peer, question["title"], picture)
            except (OSError, EOFError, AuthenticationError):  # a stranger, or gone before its answer came
                return

    def _name(self, peer: connection.Connection) -> None:
        try:
            _say(peer, model=self._asked.result(self._patience).released.name, end=True)
        except Exception as error:
            _say(peer, failed=_line(error), end=True)

    def _take(self, peer: connection.Connection, title: str, picture: bytes | str) -> None:
        """A picture into the queue, if there is room."""
        with self._counting:
            before = self._waiting
            self._waiting += before < self._most_waiting
        if before >= self._most_waiting:
            _say(peer, failed=f"busy: {before} pictures are waiting already; try again in a minute", end=True)
            return
        try:
            if before:
                _say(peer, waiting=before)
            self._judge(peer, title, picture, time.monotonic() + self._patience)
        except JudgingError as error:
            _say(peer, failed=str(error), end=True)
        finally:
            with self._counting:
                self._waiting -= 1

    def _judge(self, peer: connection.Connection, title: str, picture: bytes | str, until: float) -> None:
        prediction, answer = self._in_turn(lambda asked: _judged(asked, title, picture), until)
        _say(peer, answer=answer, refused=prediction.refused, end=prediction.refused)
        if not prediction.refused:
            _say(peer, map=self._in_turn(lambda asked: asked.map(prediction), until), end=True)

    def _in_turn(self, job: "Callable[[Asked], Found]", until: float) -> Found:
        """What a job gives when its turn has come.

        Raises:
            JudgingError: it failed, or its turn did not come in time; then it has left the queue.
        """
        future = self._turn.submit(lambda: job(self._asked.result()))
        try:
            return future.result(max(0.0, until - time.monotonic()))
        except TimeoutError:
            future.cancel()
            words = f"busy: no answer within {self._patience:g} seconds; try again later, or send a smaller picture"
            raise JudgingError(words) from None
        except Exception as error:  # whatever it was, whoever asked has no other way to learn of it
            raise JudgingError(_line(error)) from error


def _judged(asked: "Asked", title: str, picture: bytes | str) -> tuple[Any, str]:
    prediction = asked.judge(title, picture)
    return prediction, asked.answer(prediction)


def _say(peer: connection.Connection, **words: Any) -> None:
    peer.send_bytes(json.dumps(words).encode())


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, ValueError | RuntimeError) else f"{type(error).__name__}: {text}"


def main() -> None:
    """Serve until whoever started this closes its end of the pipe, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # control-C is for whoever started it
    key, model = bytes.fromhex(os.environ.pop(KEY)), os.environ.get(MODEL)

    def load() -> "Asked":
        import matplotlib as mpl

        from ecgstudy.predict.shown import Asked

        mpl.use("Agg")
        return Asked(model)

    worker = Worker(load, key)
    print(worker.port, flush=True)
    sys.stdout = sys.stderr  # nobody reads more of it
    threading.Thread(target=worker.serve, daemon=True).start()
    sys.stdin.buffer.read()
    os._exit(0)  # a picture that is being judged is not waited for


if __name__ == "__main__":
    main()
