"""The download, against a server on this machine that behaves well and badly."""

import hashlib
import http.server
import io
import stat
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecgstudy.data import download, fetch

PAGES = {
    "Set/Normal Person (2)/Normal(1).jpg": b"normal" * 500,
    "Set/Normal Person (2)/Normal(2).jpg": b"normal" * 500,
    "Set/Infarction Patients/MI(1).jpg": bytes(range(256)) * 200,
}
KNOWN = {hashlib.sha256(data).hexdigest(): list(PAGES.values()).count(data) for data in PAGES.values()}


def zipped(content: dict[str, bytes], links: tuple[str, ...] = ()) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in content.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = (stat.S_IFLNK if name in links else stat.S_IFREG) << 16
            archive.writestr(member, data)
    return buffer.getvalue()


class Server(http.server.ThreadingHTTPServer):
    """`/zip` redirects to `/signed-<n>`, valid for one visit; the first `cuts` visits end halfway."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.cuts, self.ranges, self.signed = zipped(PAGES), 0, True, 0
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/zip?version={{version}}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        if self.path.startswith("/zip"):
            server.signed += 1
            self.send_response(302)
            self.send_header("Location", f"/signed-{server.signed}")
            self.end_headers()
            return
        if self.path != f"/signed-{server.signed}":
            self.send_error(403, "expired")
            return
        self.send_body(self.headers.get("Range", ""))

    def send_body(self, asked: str) -> None:
        server = self.server
        server.asked.append(asked)
        start = int(asked[6:-1]) if asked and server.ranges else 0
        if start >= len(server.body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.body)}")
            self.end_headers()
            return
        rest = server.body[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.body) - 1}/{len(server.body)}")
        self.end_headers()
        if len(server.asked) <= server.cuts:
            self.wfile.write(rest[: len(rest) // 2])
            self.close_connection = True
        else:
            self.wfile.write(rest)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "FIRST_WAIT_SECONDS", 0.01)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_zip_behind_a_redirect_is_unpacked_and_only_checked_pages_remain(server: Server, tmp_path: Path) -> None:
    fetched = fetch.fetch_public_set(tmp_path, address=server.address, known=KNOWN)
    assert (fetched.files, fetched.expected) == (3, 3)
    assert names(tmp_path / "v2") == {*PAGES, "left_out.csv"}


def test_a_complete_folder_is_not_downloaded_again(server: Server, tmp_path: Path) -> None:
    fetch.fetch_public_set(tmp_path, address=server.address, known=KNOWN)
    assert fetch.fetch_public_set(tmp_path, address=server.address, known=KNOWN).files == 3
    assert len(server.asked) == 1


def test_a_cut_connection_goes_on_where_it_stopped_with_a_fresh_redirect(server: Server, tmp_path: Path) -> None:
    server.cuts = 2
    lines: list[str] = []
    fetch.fetch_public_set(tmp_path, address=server.address, known=KNOWN, progress=lines.append)
    half = len(server.body) // 2
    assert server.asked[:2] == ["", f"bytes={half}-"]
    assert server.signed == 3
    assert any("going on from" in line for line in lines)


def test_a_later_call_takes_up_what_an_earlier_one_left(server: Server, tmp_path: Path) -> None:
    server.cuts = 1
    url = server.address.format(version=2)
    with pytest.raises(download.DownloadError, match="broke"):
        download.download(url, tmp_path / "set.zip", attempts=1)
    assert download.download(url, tmp_path / "set.zip").read_bytes() == server.body
    assert server.asked[-1].startswith("bytes=")


def test_a_server_that_cannot_go_on_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.cuts, server.ranges = 1, False
    url = server.address.format(version=2)
    assert download.download(url, tmp_path / "set.zip").read_bytes() == server.body


def test_a_part_that_is_already_whole_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "set.zip.part").write_bytes(server.body)
    url = server.address.format(version=2)
    assert download.download(url, tmp_path / "set.zip").read_bytes() == server.body


def test_parts_of_two_different_zips_are_noticed_and_the_whole_is_fetched(server: Server, tmp_path: Path) -> None:
    (tmp_path / "v2").mkdir()
    (tmp_path / "v2" / ".download.part").write_bytes(b"\0" * (len(server.body) // 2))
    assert fetch.fetch_public_set(tmp_path, address=server.address, known=KNOWN).files == 3
    assert server.asked[-1] == ""


def test_a_changed_and_a_covid_file_are_listed_and_left_out(server: Server, tmp_path: Path) -> None:
    covid = "COVID set/ECG Images of COVID-19 Patients (250)/Covid(1).jpg"
    changed = "Set/Normal Person (2)/Normal(3).jpg"
    server.body = zipped(PAGES | {covid: PAGES["Set/Infarction Patients/MI(1).jpg"] + b"!", changed: b"changed"})
    fetched = fetch.fetch_public_set(tmp_path, address=server.address, known=KNOWN)
    assert dict(fetched.left_out) == {covid: fetch.COVID, changed: fetch.UNKNOWN}
    assert not (tmp_path / "v2" / changed).exists()
    assert "1 files left out (not a known page)" in str(fetched)


def test_missing_pages_are_counted(server: Server, tmp_path: Path) -> None:
    server.body = zipped(dict(list(PAGES.items())[1:]))
    fetched = fetch.fetch_public_set(tmp_path, address=server.address, known=KNOWN)
    assert "2 of 3 known files" in str(fetched)


@pytest.mark.parametrize("body", [b"<html>please log in</html>", zipped({"Set/Normal/cat.jpg": b"a cat"})])
def test_wrong_content_says_what_to_do_by_hand(server: Server, tmp_path: Path, body: bytes) -> None:
    server.body = body
    with pytest.raises(RuntimeError, match=r"by hand from https://data\.mendeley\.com.*put the zip into"):
        fetch.fetch_public_set(tmp_path, address=server.address, known=KNOWN)
    assert names(tmp_path) == set()


def test_no_network_says_what_to_do_by_hand(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"connection broke.*by hand"):
        fetch.fetch_public_set(tmp_path, address="http://127.0.0.1:9/zip", known=KNOWN)


def test_a_refusal_is_not_tried_again(server: Server, tmp_path: Path) -> None:
    with pytest.raises(download.DownloadError, match="403"):
        download.download(server.address.format(version=2).replace("zip", "secret"), tmp_path / "set.zip")


def test_a_zip_that_was_downloaded_by_hand_is_used(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "by hand.zip").write_bytes(zipped(PAGES))
    fetched = fetch.fetch_public_set(tmp_path, version=1, address="http://127.0.0.1:9/", known=KNOWN)
    assert fetched.files == 3


@pytest.mark.parametrize("name", ["../outside.jpg", "/etc/outside.jpg", "a/../../outside.jpg", "..\\outside.jpg",
                                  "C:\\outside.jpg"])  # fmt: skip
def test_a_path_out_of_the_folder_stops_everything(server: Server, tmp_path: Path, name: str) -> None:
    server.body = zipped(PAGES | {name: b"normal" * 500})
    with pytest.raises(ValueError, match="points outside of the folder; nothing was unpacked"):
        fetch.fetch_public_set(tmp_path, address=server.address, known=KNOWN)
    assert names(tmp_path) == set()


def test_a_link_stops_everything(server: Server, tmp_path: Path) -> None:
    server.body = zipped(PAGES | {"Set/link": b"/etc/passwd"}, links=("Set/link",))
    with pytest.raises(ValueError, match="is a link; nothing was unpacked"):
        fetch.fetch_public_set(tmp_path, address=server.address, known=KNOWN)
    assert names(tmp_path) == set()


def test_a_file_that_would_swell_stops_everything(tmp_path: Path) -> None:
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as content:
        content.writestr("Set/bomb.jpg", b"\0" * (fetch.LARGEST_FILE + 1))
    with pytest.raises(ValueError, match="larger than a page"):
        fetch.unpack(archive, tmp_path / "out", KNOWN)


def test_other_versions_are_not_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="choose 2 or 1"):
        fetch.fetch_public_set(tmp_path, version=3)
