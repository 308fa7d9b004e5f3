"""A run folder is whole or not there, and nothing of anyone's is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from mtlkit import InputError
from mtlkit.deployment import new_run
from mtlkit.deployment.run_folder import RUN_FILES
from mtlkit.deployment.runs import CHECKPOINT, cut_off_run, run_name


def test_work_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_run(tmp_path / "run") as folder:
        (folder / "report.json").write_text("{}")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_is_replaced_only_when_asked_and_only_by_a_whole_one(run: Path) -> None:
    before = (run / "report.json").read_bytes()
    with pytest.raises(InputError, match="--overwrite"), new_run(run):
        pass
    with pytest.raises(ZeroDivisionError), new_run(run, overwrite=True):
        raise ZeroDivisionError
    assert (run / "report.json").read_bytes() == before
    with new_run(run, overwrite=True) as folder:
        (folder / "report.json").write_text("new")
    assert [path.name for path in run.iterdir()] == ["report.json"]


def test_other_files_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"mine")
    for overwrite in (False, True):
        with (
            pytest.raises(InputError, match="not a finished run"),
            new_run(tmp_path / "photos", overwrite),
        ):
            pass
    assert (tmp_path / "photos" / "a.png").read_bytes() == b"mine"
    (tmp_path / "note").write_text("mine")
    with (
        pytest.raises(InputError, match="not a finished run"),
        new_run(tmp_path / "note", overwrite=True),
    ):
        pass


def test_two_runs_of_one_name_do_not_mix(tmp_path: Path) -> None:
    with (
        new_run(tmp_path / "run"),
        pytest.raises(InputError, match="another run is at work"),
        new_run(tmp_path / "run"),
    ):
        pass
    assert (tmp_path / "run").is_dir()


def test_a_run_that_was_cut_off_is_gone_on_with_only_when_asked(tmp_path: Path) -> None:
    kept = tmp_path / "run.partial" / CHECKPOINT / "features.pt"
    with pytest.raises(KeyboardInterrupt), new_run(tmp_path / "run") as folder:
        (folder / CHECKPOINT).mkdir()
        kept.write_bytes(b"learnt")
        raise KeyboardInterrupt
    assert kept.read_bytes() == b"learnt"
    with (
        pytest.raises(InputError, match="a run was cut off there: go on with it by --resume"),
        new_run(tmp_path / "run"),
    ):
        pass
    with new_run(tmp_path / "run", resume=True) as folder:
        assert kept.read_bytes() == b"learnt"
        (folder / "report.json").write_text("{}")
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "report.json"]


def test_work_that_is_not_resumed_is_never_taken_from_others(tmp_path: Path) -> None:
    (tmp_path / "run.partial").mkdir()
    (tmp_path / "run.partial" / "thesis.txt").write_text("mine")
    refusal = r"run\.partial: holds something.*--out"
    for how in ({"resume": True}, {"anew": True}, {}):
        with pytest.raises(InputError, match=refusal), new_run(tmp_path / "run", **how):
            pass
    assert [path.name for path in tmp_path.rglob("*")] == ["run.partial", "thesis.txt"]


def finished(folder: Path) -> None:
    for name in RUN_FILES:
        (folder / name).write_text("{}")


BEFORE = [("nothing", False), ("nothing", True), ("empty folder", False), ("finished run", True)]


@pytest.mark.parametrize(("before", "overwrite"), BEFORE)
@pytest.mark.parametrize("what", ["a folder", "a file", "another run"])
def test_what_appears_under_the_name_during_the_work_stays(
    what: str, before: str, overwrite: bool, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    if before != "nothing":
        out.mkdir()
    if before == "finished run":
        finished(out)
    said = r"run: .*left alone.*run-2"
    with pytest.raises(InputError, match=said), new_run(out, overwrite) as folder:
        (folder / "report.json").write_text("whole")
        if before != "nothing":
            out.rename(tmp_path / "moved")
        if what == "a file":
            out.write_text("mine")
        else:
            out.mkdir()
            (out / "thesis.txt").write_text("mine")
        if what == "another run":
            finished(out)
    kept = out if what == "a file" else out / "thesis.txt"
    assert kept.read_text() == "mine"
    assert [path.name for path in (tmp_path / "run-2").iterdir()] == ["report.json"]
    assert {path.name for path in tmp_path.iterdir()} - {"moved"} == {"run", "run-2"}


def test_a_file_that_was_put_into_the_run_to_be_replaced_stays(run: Path) -> None:
    with pytest.raises(InputError, match="left alone"), new_run(run, overwrite=True) as folder:
        (folder / "report.json").write_text("whole")
        (run / "thesis.txt").write_text("mine")
    assert (run / "thesis.txt").read_text() == "mine"
    assert (run.with_name("run-2") / "report.json").read_text() == "whole"


def test_a_run_that_cannot_get_its_name_is_kept_and_so_is_the_one_before(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def held(self: Path, target: Path) -> Path:
        if self.name == "run.partial":
            raise PermissionError(13, "Access is denied", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", held)
    before = (run / "report.json").read_bytes()
    said = r"Access is denied.*rename .*run\.partial"
    with pytest.raises(InputError, match=said), new_run(run, overwrite=True) as folder:
        (folder / "report.json").write_text("whole")
        (folder / CHECKPOINT).mkdir()
    assert (run / "report.json").read_bytes() == before
    assert (folder / "report.json").read_text() == "whole" and (folder / CHECKPOINT).is_dir()
    assert {path.name for path in run.parent.iterdir()} == {"run", "run.partial"}


def test_the_lock_lies_beside_the_folder_and_is_let_go_before_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Windows wants it: what is held is neither removed nor in a folder that is renamed."""
    lock, release, there = tmp_path / "run.partial.lock", FileLock.release, []

    def watched(self: FileLock, *arguments: bool) -> None:
        there.append((lock.is_file(), (tmp_path / "run").is_dir()))
        release(self, *arguments)

    monkeypatch.setattr(FileLock, "release", watched)
    with new_run(tmp_path / "run") as folder:
        assert lock.is_file() and not [path for path in folder.rglob("*") if "lock" in path.name]
    assert there[0] == (True, True)
    assert [path.name for path in tmp_path.rglob("*")] == ["run"]


def test_a_resume_with_nothing_there_starts(tmp_path: Path) -> None:
    with new_run(tmp_path / "run", resume=True) as folder:
        assert folder.is_dir()
    assert (tmp_path / "run").is_dir()


def test_the_newest_run_that_was_cut_off_is_found(tmp_path: Path) -> None:
    names = [run_name("digits", seed) for seed in (3, 3, 4)] + [run_name("digits:small", 3)]
    for name in names:
        (tmp_path / f"{name}.partial").mkdir()
    (tmp_path / run_name("digits", 3)).mkdir()
    assert cut_off_run(tmp_path, "digits", 3) == tmp_path / max(names[:2])
    with pytest.raises(InputError, match="no run of digits with seed 5 was cut off"):
        cut_off_run(tmp_path, "digits", 5)


@pytest.mark.parametrize(("other", "seed"), [("digits-0", 5), ("digits-0-1", 0), ("digits", 10)])
def test_a_resume_takes_no_run_of_another_source(other: str, seed: int, tmp_path: Path) -> None:
    (tmp_path / f"{run_name(other, seed)}.partial").mkdir()
    (tmp_path / "digits-0-mine.partial").mkdir()
    with pytest.raises(InputError, match="no run of digits with seed 0"):
        cut_off_run(tmp_path, "digits", 0)
    mine = run_name("digits", 0)
    (tmp_path / f"{mine}.partial").mkdir()
    assert cut_off_run(tmp_path, "digits", 0) == tmp_path / mine
    assert cut_off_run(tmp_path, other, seed).name.startswith(f"{other}-{seed}-")


def test_a_hundred_runs_may_start_in_one_moment(tmp_path: Path) -> None:
    def start(_: int) -> None:
        with new_run(tmp_path / run_name("digits", 0)) as folder:
            (folder / "report.json").write_text("{}")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(start, range(100)))
    assert len(list(tmp_path.iterdir())) == 100
    assert all(
        [path.name for path in run.iterdir()] == ["report.json"] for run in tmp_path.iterdir()
    )


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"), new_run(tmp_path / "file" / "run"):
        pass


def test_names_of_runs_suit_every_file_system() -> None:
    assert set(run_name("a b/ü:*?", 3)) <= set("ab-3_.0123456789abcdef")
    assert run_name("...", 0).startswith("images-0-")
