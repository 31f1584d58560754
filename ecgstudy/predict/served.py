"""The page in the browser, served on this computer alone.

Voila starts a small kernel per tab; one process beside it owns the model and answers all of them (`predict.worker`).
"""

import os
import signal
import socket
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from ecgstudy.predict import remote
from ecgstudy.predict.worker import HOST, MOST_UPLOAD_BYTES
from ecgstudy.study import project_root

NOTEBOOK = "predict.ipynb"
IDLE_SECONDS = 600  # a page's kernel is ended so long after its tab was closed


def serve(
    *, port: int = 8866, model: str | None = None, browser: bool = True, say: Callable[[str], None] = print
) -> int:
    """Serve `notebooks/predict.ipynb` until it is stopped.

    Args:
        port: 0 takes a free one.
        model: a released model's folder or a study's name.
        browser: open the page.
        say: takes the address, and what the server says.

    Returns:
        The server's exit code; 0 after control-C.

    Raises:
        ValueError: no such notebook, or the port is taken.
        RuntimeError: the server does not start, or the process that holds the model does not.
    """
    notebook = project_root() / "notebooks" / NOTEBOOK
    if not notebook.is_file():
        raise ValueError(f"{notebook}: missing; start the page in a checkout of ecgstudy, where notebooks/ lies")
    port = _free_port(port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends this ends the server too
    with (
        remote.started(model) as judge,
        subprocess.Popen(command(notebook, port), env=environment(judge), stderr=subprocess.PIPE, text=True) as server,
    ):
        assert server.stderr is not None
        try:
            for line in server.stderr:
                if "is running at" in line:
                    say(f"http://{HOST}:{port}/ (control-C ends it)")
                    if browser:
                        webbrowser.open(f"http://{HOST}:{port}/")
                elif "Error" in line or "error" in line:
                    say(line.rstrip())
        except KeyboardInterrupt:
            server.terminate()
            server.wait()
            return 0
    if server.returncode:
        raise RuntimeError(f"the server of the page ended with code {server.returncode}")
    return 0


def command(notebook: Path, port: int, *, idle: int = IDLE_SECONDS) -> list[str]:
    """How Voila is started.

    Args:
        notebook: that is served.
        port: on this computer.
        idle: seconds after which the kernel of a page that nobody looks at is ended.
    """
    size = {"websocket_max_message_size": MOST_UPLOAD_BYTES + 1_000_000}
    return [
        sys.executable, "-m", "voila", str(notebook), "--no-browser", f"--port={port}", f"--Voila.ip={HOST}",
        "--template=ecgstudy", f"--Voila.tornado_settings={size!r}",
        "--show_tracebacks=False", f"--MappingKernelManager.cull_idle_timeout={idle}",
        f"--MappingKernelManager.cull_interval={min(60, idle)}", "--MappingKernelManager.cull_connected=False",
    ]  # fmt: skip


def environment(judge: remote.Remote) -> dict[str, str]:
    """The page's template, and where its kernels find the model."""
    template = str(resources.files("ecgstudy.predict").joinpath("jupyter"))
    paths = [template, *filter(None, [os.environ.get("JUPYTER_PATH")])]
    return os.environ | {"JUPYTER_PATH": os.pathsep.join(paths)} | remote.environment(judge)


def _free_port(port: int) -> int:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
        except OSError:
            raise ValueError(f"port {port} is taken; name another one with --port, or 0 for any") from None
        return one.getsockname()[1]
