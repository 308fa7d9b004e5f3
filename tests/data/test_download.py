"""One file from the net: whole or not there, whatever the server does."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from mtlkit.data import download
from mtlkit.data.download import DownloadFailed, Remote, fetch_file
from mtlkit.errors import InputError

CHUNK = 2**16
BODY = bytes(range(256)) * 2000  # 512 kB, several chunks
MD5 = hashlib.md5(BODY).hexdigest()


def remote(server: Any, *places: str) -> Remote:
    return Remote(
        "set/file.bin", MD5, tuple(f"{server.url}{place}" for place in places or ("file.bin",))
    )


@pytest.fixture
def serving(server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    server.files["file.bin"] = BODY
    monkeypatch.setattr(download, "CHUNK", CHUNK)
    return server


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "set").iterdir())


def test_a_file_is_fetched_once(serving: Any, tmp_path: Path) -> None:
    path = fetch_file(remote(serving), tmp_path)
    assert path == tmp_path / "set" / "file.bin"
    assert path.read_bytes() == BODY
    assert only(tmp_path) == ["file.bin"]
    fetch_file(remote(serving), tmp_path)
    assert serving.asked == [("file.bin", None)]


def test_a_wrong_file_under_the_final_name_is_replaced(serving: Any, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "file.bin").write_bytes(BODY[:-1])
    assert fetch_file(remote(serving), tmp_path).read_bytes() == BODY


def test_a_cut_is_gone_on_with(serving: Any, tmp_path: Path) -> None:
    serving.cut_after = [3 * CHUNK, 2 * CHUNK]
    assert fetch_file(remote(serving), tmp_path).read_bytes() == BODY
    first, second, third = (wanted for _, wanted in serving.asked)
    assert first is None and second == f"bytes={3 * CHUNK}-" and third == f"bytes={5 * CHUNK}-"


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(serving: Any, tmp_path: Path) -> None:
    serving.cut_after = [CHUNK + 99] * 3  # the 99 came, but are not worth keeping
    with pytest.raises(DownloadFailed, match=r"file\.bin: .*: cut off"):
        fetch_file(remote(serving), tmp_path)
    assert only(tmp_path) == ["file.bin.part"]  # nothing under the final name
    assert (tmp_path / "set" / "file.bin.part").read_bytes() == BODY[: 3 * CHUNK]
    assert fetch_file(remote(serving), tmp_path).read_bytes() == BODY
    assert serving.asked[-1] == ("file.bin", f"bytes={3 * CHUNK}-")
    assert only(tmp_path) == ["file.bin"]


def test_a_server_that_cannot_resume_sends_the_whole(serving: Any, tmp_path: Path) -> None:
    serving.resumes, serving.cut_after = False, [200_000]
    assert fetch_file(remote(serving), tmp_path).read_bytes() == BODY
    assert len(serving.asked) == 2


@pytest.mark.parametrize("left", [BODY, BODY + b"more", b"other" * 1000, b"?"])
def test_a_part_that_is_whole_too_long_or_of_another_file(
    left: bytes, serving: Any, tmp_path: Path
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "file.bin.part").write_bytes(left)
    assert fetch_file(remote(serving), tmp_path).read_bytes() == BODY
    assert only(tmp_path) == ["file.bin"]


def test_a_wrong_checksum_leaves_nothing(serving: Any, tmp_path: Path) -> None:
    serving.files["file.bin"] = BODY[:-1] + b"?"
    with pytest.raises(InputError, match=f"its MD5 is not {MD5}"):
        fetch_file(remote(serving), tmp_path)
    assert only(tmp_path) == []
    assert len(serving.asked) == 1  # the same place would give the same again


@pytest.mark.parametrize("fault", ["missing", "wrong", "cut"])
def test_the_second_place_helps_out(fault: str, serving: Any, tmp_path: Path) -> None:
    if fault != "missing":
        serving.files["first.bin"] = BODY if fault == "cut" else b"wrong"
    serving.cut_after = [1000] * 3 if fault == "cut" else []
    assert fetch_file(remote(serving, "first.bin", "file.bin"), tmp_path).read_bytes() == BODY
    assert serving.asked[-1][0] == "file.bin" and only(tmp_path) == ["file.bin"]


def test_a_proxy_that_answers_a_page_is_named_and_harms_no_part(
    serving: Any, tmp_path: Path
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "file.bin.part").write_bytes(BODY[:1000])
    serving.content_type, serving.resumes = "text/html; charset=utf-8", False
    serving.files["file.bin"] = b"<html>Please log in</html>"
    with pytest.raises(DownloadFailed, match="a web page came instead") as caught:
        fetch_file(remote(serving), tmp_path)
    assert str(caught.value).count("web page") == 1 and "\n" not in str(caught.value)
    assert (tmp_path / "set" / "file.bin.part").read_bytes() == BODY[:1000]


def test_a_page_under_another_type_is_found_by_its_checksum(serving: Any, tmp_path: Path) -> None:
    serving.files["file.bin"] = b"<html>Please log in</html>"
    with pytest.raises(DownloadFailed, match="its MD5 is not"):
        fetch_file(remote(serving), tmp_path)
    assert only(tmp_path) == []


def test_answers_and_silence_are_told_apart(server: Any, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match=r"none\.bin: .*404"):
        fetch_file(remote(server, "none.bin"), tmp_path)
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.1:9/x: no conn.*by hand") as caught:
        fetch_file(Remote("set/x", MD5, ("http://127.0.0.1:9/x",)), tmp_path)
    assert str(tmp_path / "set") in str(caught.value)


@pytest.mark.parametrize(
    ("status", "times"),
    [(401, 1), (403, 1), (404, 1), (410, 1), (408, 3), (429, 3), (500, 3), (503, 3)],
)
def test_an_answer_that_will_not_change_is_asked_for_once(
    status: int, times: int, serving: Any, tmp_path: Path
) -> None:
    serving.status = status
    with pytest.raises(DownloadFailed, match=f"answered {status}"):
        fetch_file(remote(serving), tmp_path)
    assert len(serving.asked) == times


def test_the_bar_follows(serving: Any, tmp_path: Path) -> None:
    from tqdm import tqdm

    bars: list[Any] = []

    def bar(name: str) -> Any:
        bars.append(tqdm(desc=name, total=1, delay=60))
        return bars[-1]

    fetch_file(remote(serving), tmp_path, bar)
    assert [(bar.n, bar.total) for bar in bars] == [(len(BODY), len(BODY))]


def test_places_are_asked_politely() -> None:
    assert download.ATTEMPTS == 3 and download.PAUSE > 0 and download.TIMEOUT > 0
