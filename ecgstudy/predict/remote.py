"""Asking the process that owns the model, and starting it."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.context import AuthenticationError
from typing import Any

from ecgstudy.predict import worker

_GONE = "the process that holds the model has ended; start the page anew"


@dataclass(frozen=True)
class Remote:
    """A worker, as those know it who ask it.

    Attributes:
        port: on this computer.
        key: that it wants to be told.
    """

    port: int
    key: bytes

    def model(self) -> str:
        """Which model answers; waits until it is loaded.

        Raises:
            RuntimeError: there is none, or its process has ended.
        """
        told = list(self._ask({"do": "model"}))[-1]
        if "failed" in told:
            raise RuntimeError(told["failed"])
        return str(told["model"])

    def judge(self, title: str, picture: bytes | str) -> Iterator[dict[str, Any]]:
        """What is said of the bytes of a picture, or of an example by its name, as it comes (`worker.Worker`).

        Raises:
            RuntimeError: the process has ended.
        """
        example = picture if isinstance(picture, str) else None
        content = () if isinstance(picture, str) else (picture,)
        yield from self._ask({"do": "judge", "title": title, "example": example}, *content)

    def _ask(self, question: dict[str, Any], *content: bytes) -> Iterator[dict[str, Any]]:
        try:
            with connection.Client((worker.HOST, self.port), authkey=self.key) as peer:
                peer.send_bytes(json.dumps(question).encode())
                for part in content:
                    peer.send_bytes(part)
                told: dict[str, Any] = {}
                while not told.get("end"):
                    told = json.loads(peer.recv_bytes())
                    yield told
        except (OSError, EOFError, AuthenticationError):
            raise RuntimeError(_GONE) from None


def found() -> Remote | None:
    """The worker that the environment names: that of a page which `ecgstudy app` serves."""
    if worker.PORT not in os.environ:
        return None
    return Remote(int(os.environ[worker.PORT]), bytes.fromhex(os.environ[worker.KEY]))


@contextlib.contextmanager
def started(model: str | None = None) -> Iterator[Remote]:
    """A worker of one's own; it ends with the block, or with the process that holds it.

    Args:
        model: a released model's folder or a study's name.

    Raises:
        RuntimeError: it does not start.
    """
    key = secrets.token_bytes(32)
    chosen = {worker.MODEL: model} if model else {}
    with subprocess.Popen(
        [sys.executable, "-m", "ecgstudy.predict.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=None if os.environ.get("ECGSTUDY_DEBUG") else subprocess.DEVNULL,
        env=os.environ | chosen | {worker.KEY: key.hex()},
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            raise RuntimeError("the process that holds the model did not start; ECGSTUDY_DEBUG=1 shows why")
        try:
            yield Remote(int(port), key)
        finally:
            process.stdin.close()


def environment(remote: Remote) -> dict[str, str]:
    """What pages need to find a worker."""
    return {worker.PORT: str(remote.port), worker.KEY: remote.key.hex()}
