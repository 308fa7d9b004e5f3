"""The command line: results, statuses, and one sentence for each mistake of a user."""

from __future__ import annotations

import csv
import html
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from mtlkit import load
from mtlkit.cli import app
from mtlkit.doctor import examine
from mtlkit.multitask import Schedule
from mtlkit.preprocessing.class_sizes import CLASS_SIZES, SizeEvidence

QUICK = ["--effort", "0.02"]


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(result: Result, *words: str) -> None:
    """Status 2, one sentence on stderr with these words, no traceback, nothing on stdout."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last, last


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "first"
    result = call("fit", "digits:small", "--out", out, *QUICK)
    assert result.exit_code == 0, result.output
    assert "accuracy" in result.stdout
    assert str(out / "report.html") in result.stdout
    assert "This takes about" in result.stderr
    return out


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of 12 colour pictures, one of which is a text file with an image's name."""
    random = np.random.default_rng(0)
    for name, colour in (("red", (200, 40, 30)), ("blue", (20, 40, 200))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(12):
            pixels = np.clip(random.normal(colour, 30, (40, 50, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    (tmp_path / "photos" / "red" / "broken.png").write_text("no image")
    return tmp_path / "photos"


def test_score_predict_and_json(run: Path) -> None:
    scores = json.loads(call("score", run, "digits:small", "--json").stdout)
    report = json.loads((run / "report.json").read_text())
    assert (
        scores["accuracy"] == report["scores"]["accuracy"]
    )  # the saved model is the one that was scored
    assert "NMI" in call("score", run, "digits:small").stdout
    rows = json.loads(call("predict", run, "digits:small", "--json").stdout)
    lines = call("predict", run, "digits:small").stdout.splitlines()
    assert len(rows) == len(lines) - 1 == 537
    assert lines[0] == "path,class,confidence"
    stored = (run / "assignments.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in stored] == [line.split(",")[1] for line in lines]


def test_a_folder_of_photos_goes_the_whole_way(photos: Path, tmp_path: Path) -> None:
    result = call("fit", photos, "--classes", "2", "--out", tmp_path / "run", "--json", *QUICK)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)  # and nothing else on stdout
    assert report["skipped"] == [
        {"path": "red/broken.png", "reason": report["skipped"][0]["reason"]}
    ]
    assert report["classes_given_by"] == "user"
    assert str(SizeEvidence(**report["class_sizes"][-1])) in report["assumptions"]
    assert "and colour" in report["assumptions"][-1]  # they are no strokes: light and colours vary
    assert "red/broken.png" in (tmp_path / "run" / "report.html").read_text()
    single = call("predict", tmp_path / "run", photos / "red" / "1.png", photos / "blue" / "1.png")
    assert [line.split(",")[0].rsplit("/", 1)[-1] for line in single.stdout.splitlines()[1:]] == [
        "1.png",
        "1.png",
    ]
    grey = call(
        "predict", tmp_path / "run", "digits:small"
    )  # other channels and another size: brought to the model's
    assert grey.exit_code == 0
    assert len(grey.stdout.splitlines()) == 538


@pytest.mark.parametrize("class_sizes", CLASS_SIZES)
def test_a_run_says_which_class_sizes_it_took_and_why(class_sizes: str, tmp_path: Path) -> None:
    result = call(
        "fit",
        "digits:small",
        "--class-sizes",
        class_sizes,
        "--out",
        tmp_path / "run",
        "--json",
        "--effort",
        "0.1",
    )
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    rounds = [SizeEvidence(**one) for one in report["class_sizes"]]
    assert len(rounds) > 1  # at the start, and each time anew
    assert {one.asked for one in rounds} == {class_sizes} == {report["settings"]["class sizes"]}
    assert class_sizes == "auto" or {one.taken for one in rounds} == {class_sizes}
    assert report["settings"]["batch size"] == Schedule().batch(
        537
    )  # what was chosen, not that nothing was asked for
    sentence = str(rounds[-1])
    assert report["assumptions"].count(sentence) == 1
    assert sum("equal size" in one or "classes' sizes" in one for one in report["assumptions"]) == 1
    assert sentence in html.unescape((tmp_path / "run" / "report.html").read_text())
    assert "of colour" not in " ".join(report["assumptions"])  # the digits are grey
    stored = json.loads((tmp_path / "run" / "report.json").read_text())
    assert (
        stored["class_sizes"] == report["class_sizes"]
        and stored["assumptions"] == report["assumptions"]
    )


def test_a_run_starts_from_anothers_weights_and_says_so(run: Path, tmp_path: Path) -> None:
    weights = run / "model.safetensors"
    options = ["--weights", weights, "--weighting", "UPGrad", "--cosines", "--json", *QUICK]
    result = call("fit", "digits:small", "--out", tmp_path / "run", *options)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (
        str(weights) in report["assumptions"][0] and "trained elsewhere" in report["assumptions"][0]
    )
    assert (
        report["settings"]["weights"] == str(weights)
        and report["settings"]["weighting"] == "UPGrad"
    )
    assert "trained elsewhere" in (tmp_path / "run" / "report.html").read_text()
    assert "cosine/views/descriptors" in (tmp_path / "run" / "history.csv").read_text()
    assert "trained elsewhere" not in (run / "report.html").read_text()
    refused(
        call(
            "fit",
            "digits:small",
            "--encoder",
            "mlp",
            "--weights",
            weights,
            "--out",
            tmp_path / "other",
        ),
        "does not fit the encoder",
        "layers.3.weight",
    )


def test_another_encoder_goes_the_whole_way(tmp_path: Path) -> None:
    result = call("fit", "digits:small", "--encoder", "mlp", "--out", tmp_path / "run", *QUICK)
    assert result.exit_code == 0, result.output
    scores = json.loads(call("score", tmp_path / "run", "digits:small", "--json").stdout)
    assert (
        scores["accuracy"]
        == json.loads((tmp_path / "run" / "report.json").read_text())["scores"]["accuracy"]
    )


def test_photos_without_labels_have_no_score(photos: Path, tmp_path: Path) -> None:
    result = call("fit", photos / "red", "--classes", "2", "--out", tmp_path / "run", *QUICK)
    assert result.exit_code == 0, result.output
    assert "there are no labels" in result.stdout
    refused(call("score", tmp_path / "run", photos / "red"), "no labels", "subfolder")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit", "/not/there"], ["/not/there", "no such path"]),
        (["fit", "digts"], ["Did you mean 'digits'"]),
        (["fit", "digits:small", "--classes", "1"], ["1", "2"]),
        (["fit", "digits:small", "--classes", "538"], ["538", "537"]),
        (["fit", "digits:small", "--class-sizes", "even"], ["'even'", "one of auto, equal, free"]),
        (["fit", "digits:small", "--class-sizes", "eqal"], ["'eqal'", "Did you mean 'equal'"]),
        (["fit", "digits:small", "--weighting", "uncertain"], ["Did you mean 'uncertainty'"]),
        (
            ["fit", "digits:small", "--weighting", "nash-mtl"],
            ["'nash-mtl'", "pip install", "cvxpy"],
        ),
        (
            ["fit", "digits:small", "--encoder", "resnet81"],
            ["'resnet81'", "Did you mean 'resnet18'"],
        ),
        (
            ["fit", "digits:small", "--weights", "/not/there"],
            ["/not/there", "cannot be read as safetensors"],
        ),
        (["fit", "digits:small", "--effort", "0"], ["effort"]),
        (["fit", "digits:small", "--size", "4"], ["size", "8", "512"]),
        (["score", "/not/there", "digits"], ["/not/there", "no run folder"]),
        (["predict", "/not/there", "digits"], ["/not/there", "no run folder"]),
    ],
)
def test_a_wrong_call_ends_with_one_sentence(
    arguments: list[str], words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(call(*arguments), *words)
    assert not list(tmp_path.rglob("*.partial"))


def test_bad_folders_end_with_one_sentence(tmp_path: Path) -> None:
    empty, texts, one, equal = (tmp_path / name for name in ("empty", "texts", "one", "equal"))
    for folder in (empty, texts, one, equal):
        folder.mkdir()
    (texts / "a.txt").write_text("text")
    Image.new("L", (9, 9)).save(one / "a.png")
    for number in range(3):
        Image.new("L", (9, 9)).save(equal / f"{number}.png")
    for folder, word in (
        (empty, "empty"),
        (texts, "none an image"),
        (one, "one image"),
        (equal, "equal"),
    ):
        refused(call("fit", folder, "--classes", "2", "--out", tmp_path / "run"), str(folder), word)
    assert not (tmp_path / "run").exists()


def test_bad_arrays_end_with_one_sentence(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((20, 9, 9))
    np.savez(tmp_path / "nan.npz", images=np.where(images > 0.9, np.nan, images))
    np.savez(tmp_path / "pickled.npz", images=np.array([{}] * 5, dtype=object))
    refused(
        call("fit", tmp_path / "nan.npz", "--classes", "2", "--out", tmp_path / "run"),
        "nan.npz",
        "NaN",
    )
    refused(
        call("fit", tmp_path / "pickled.npz", "--classes", "2", "--out", tmp_path / "run"),
        "pickled.npz",
    )


@pytest.mark.parametrize(
    ("count", "shape", "side", "effort"),
    [(24, (40, 28), 40, "0.05"), (24, (28, 40), 40, "0.05"), (6, (600, 20), 512, "0.002")],
    ids=["high", "wide", "larger than a model takes"],
)
def test_pictures_that_are_not_square_are_seen_alike_by_fit_and_score(
    count: int, shape: tuple[int, int], side: int, effort: str, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    labels = np.arange(count) % 2
    pictures = random.random((count, 3, *shape)) * 0.3 + 0.7 * labels[:, None, None, None]
    np.savez(tmp_path / "high.npz", images=pictures, labels=labels)
    out = tmp_path / "run"
    options = ("--classes", "2", "--json", "--effort", effort)
    result = call("fit", tmp_path / "high.npz", "--out", out, *options)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["shape"] == [3, side, side]
    brought = f"from {shape[0]} x {shape[1]} to {side} x {side} pixels, the aspect kept"
    assert any(brought in note for note in report["notes"])
    scores = json.loads(call("score", out, tmp_path / "high.npz", "--json").stdout)
    assert scores["accuracy"] == report["scores"]["accuracy"]
    rows = json.loads(call("predict", out, tmp_path / "high.npz", "--json").stdout)
    stored = list(csv.DictReader((out / "assignments.csv").read_text().splitlines()))
    assert [row["class"] for row in rows] == [int(row["class"]) for row in stored]
    np.testing.assert_allclose(
        [row["confidence"] for row in rows], [float(row["confidence"]) for row in stored], atol=2e-3
    )


@pytest.mark.parametrize(
    "kind", ["lights", "one grey", "greys", "nonsquare", "four", "ten", "copies", "one a class"]
)
def test_unusual_pictures_go_the_whole_way(kind: str, tmp_path: Path) -> None:
    pictures, k = unusual(kind)
    np.savez(tmp_path / "pictures.npz", images=pictures)
    result = call(
        "fit",
        tmp_path / "pictures.npz",
        "--classes",
        k,
        "--out",
        tmp_path / "run",
        "--json",
        "--effort",
        "0.005",
    )
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert sum(report["sizes"]) == len(pictures)
    assert all(
        "classes are empty" in text for text in report["warnings"]
    )  # and nothing of a library's
    cuts = [one[cut] for one in report["class_sizes"] for cut in ("equal_cut", "free_cut")]
    assert cuts and all(0 <= cut <= 1 for cut in cuts)


def unusual(kind: str) -> tuple[np.ndarray, int]:
    """Pictures with little or nothing to tell them apart, or very few, and a number of classes."""
    random = np.random.default_rng(0)
    noise = random.random((20, 3, 12, 12))
    levels = np.linspace(0, 1, 20)[:, None, None, None]
    return {
        "lights": (levels * noise[:1], 3),
        "one grey": (np.concatenate([noise, np.full((1, 3, 12, 12), 0.5)]), 3),
        "greys": (levels * np.ones((1, 3, 12, 12)), 3),
        "nonsquare": (random.random((12, 3, 40, 28)), 2),
        "four": (noise[:4], 2),
        "ten": (noise[:10], 5),
        "copies": (noise[:2].repeat(10, axis=0), 3),
        "one a class": (noise, 20),
    }[kind]


def test_classes_are_asked_for_where_nothing_tells_them(photos: Path) -> None:
    refused(call("fit", photos), "--classes")


def test_outputs_that_are_taken_or_cannot_be_written(run: Path, tmp_path: Path) -> None:
    before = sorted(path.name for path in run.iterdir())
    refused(call("fit", "digits:small", "--out", run, *QUICK), "finished run", "--overwrite")
    (tmp_path / "file").write_text("mine")
    refused(call("fit", "digits:small", "--out", tmp_path, *QUICK), "not a finished run")
    refused(
        call("fit", "digits:small", "--out", tmp_path / "file" / "run", *QUICK), "cannot be written"
    )
    assert sorted(path.name for path in run.iterdir()) == before
    assert call("fit", "digits:small", "--out", run, "--overwrite", *QUICK).exit_code == 0


def test_a_full_disk_is_said_and_what_was_learnt_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "run.partial" / "report.html"))

    monkeypatch.setattr("mtlkit.deployment.run_folder.write_report", full)
    result = call("fit", "digits:small", "--out", tmp_path / "run", *QUICK)
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
    assert f"go on with --out {tmp_path / 'run'} --resume" in result.stderr
    assert "half-written" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run.partial"]
    monkeypatch.undo()
    assert call("fit", "digits:small", "--out", tmp_path / "run", "--resume", *QUICK).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_collapse_is_told_and_reported(tmp_path: Path) -> None:
    result = call("fit", "digits:small", "--classes", "100", "--out", tmp_path / "run", *QUICK)
    assert result.exit_code == 0, result.output
    assert "classes are empty" in result.stderr
    assert (
        "classes are empty"
        in json.loads((tmp_path / "run" / "report.json").read_text())["warnings"][0]
    )


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """`mtlkit fit digits` with these arguments, in a process of its own."""
    # A file that an import had open when Ctrl-C came is closed by the garbage collector, which
    # Python says nothing of by default.
    warnings = ("-W", "error", "-W", "ignore::ResourceWarning")
    command = [sys.executable, *warnings, "-m", "mtlkit.cli", "fit", "digits", *map(str, arguments)]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )


def wait_for(place: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not place.exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)


@pytest.mark.slow
def test_ctrl_c_ends_with_one_sentence_and_leaves_nothing_or_a_checkpoint(tmp_path: Path) -> None:
    for place, left in (
        ("run.partial", []),
        ("run.partial/checkpoint/features.pt", ["run.partial"]),
    ):
        process = start("--out", tmp_path / "run")
        wait_for(tmp_path / place, process)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
        assert process.returncode == 2
        last = told.strip().splitlines()[-1]
        assert last.startswith("stopped") and "Traceback" not in told
        assert ("half-written" in told) == (not left) and ("is kept" in last) == bool(left)
        assert [path.name for path in tmp_path.iterdir()] == left
    assert f"go on with --out {tmp_path / 'run'} --resume" in told


@pytest.mark.slow
def test_a_killed_run_is_resumed_to_the_same_end(tmp_path: Path) -> None:
    quick = ("--effort", "0.2", "--seed", "3")
    assert call("fit", "digits", *quick, "--out", tmp_path / "unbroken").exit_code == 0
    process = start(*quick, "--out", tmp_path / "run")
    wait_for(tmp_path / "run.partial" / "checkpoint" / "features.pt", process)
    process.kill()
    process.communicate()
    again = call("fit", "digits", *quick, "--out", tmp_path / "run")
    refused(again, "was cut off", "--resume")
    other = call(
        "fit", "digits", "--effort", "0.2", "--seed", "4", "--out", tmp_path / "run", "--resume"
    )
    refused(other, "started with seed 3, not 4")
    resumed = call("fit", "digits", *quick, "--out", tmp_path / "run", "--resume")
    assert resumed.exit_code == 0, resumed.output
    names = [
        sorted(path.name for path in (tmp_path / run).iterdir()) for run in ("run", "unbroken")
    ]
    assert names[0] == names[1]
    assert (tmp_path / "run" / "assignments.csv").read_bytes() == (
        tmp_path / "unbroken" / "assignments.csv"
    ).read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no quota for one process")
def test_a_quota_that_takes_no_checkpoint_costs_the_run_and_is_said(tmp_path: Path) -> None:
    quota = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); from "
        "mtlkit.cli import main; main()"
    )
    arguments = ["fit", "digits:small", "--out", str(tmp_path / "run"), *QUICK]
    full = subprocess.run([sys.executable, "-c", quota, *arguments], capture_output=True, text=True)
    assert full.returncode == 1, full.stderr
    assert "Traceback" not in full.stderr
    assert "no checkpoint could be written (File too large)" in full.stderr
    assert (
        "File too large; nothing was left half-written. Make room"
        in full.stderr.strip().splitlines()[-1]
    )
    assert list(tmp_path.iterdir()) == []


def test_a_resume_without_a_name_looks_for_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(
        call("fit", "digits:small", "--resume"), "no run of digits:small with seed 0 was cut off"
    )


def test_doctor_says_ok_or_what_to_do(tmp_path: Path) -> None:
    result = call("doctor")
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["OK"] * 5
    missing = call("doctor", "--data-root", tmp_path / "none", "--json")
    assert missing.exit_code == 1
    assert [finding["ok"] for finding in json.loads(missing.stdout)] == [
        True,
        True,
        True,
        True,
        False,
    ]
    assert "make the folder" in json.loads(missing.stdout)[-1]["text"]


def test_doctor_names_a_missing_and_an_old_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "mtlkit.doctor.requires",
        lambda _: ["no-such-package>=1", "numpy>=999", 'x>1; extra == "dev"'],
    )
    monkeypatch.setattr("mtlkit.doctor.DISK", 10**18)
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    python, packages, disk, *_ = examine()
    assert not python.ok and "3.9.1 is too old" in python.text
    assert (
        not packages.ok
        and "no-such-package is missing" in packages.text
        and "does not fit numpy>=999" in packages.text
    )
    assert not disk.ok and "make room" in disk.text


def test_version_and_help() -> None:
    assert call("--version").stdout.startswith("mtlkit ")
    assert {"fit", "score", "predict", "doctor"} <= set(call("--help").stdout.split())


def test_labels_are_opened_after_training_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    order: list[str] = []
    images = load("digits:small")
    monkeypatch.setattr("mtlkit.load", lambda *_, **__: images)
    opened = type(images).open_labels
    monkeypatch.setattr(
        type(images), "open_labels", lambda self: (order.append("labels"), opened(self))[1]
    )
    fitted = __import__("mtlkit").MultiTaskClusterer.fit
    monkeypatch.setattr(
        "mtlkit.clusterer.MultiTaskClusterer.fit",
        lambda self, X: (fitted(self, X), order.append("fitted"))[0],
    )
    assert call("fit", "digits:small", "--out", tmp_path / "run", *QUICK).exit_code == 0
    assert order == ["fitted", "labels"]


@pytest.mark.parametrize("option", [("--threads", "0"), ("--seed", "-1"), ("--rotation", "181")])
def test_options_have_bounds(option: tuple[str, str], tmp_path: Path) -> None:
    result = call("fit", "digits:small", "--out", tmp_path / "run", *option)
    assert result.exit_code == 2
    assert option[0] in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_not_there_is_said(tmp_path: Path) -> None:
    refused(
        call("fit", "digits:small", "--device", "cuda:99", "--out", tmp_path / "run"),
        "cuda:99",
        "use cpu",
    )
    assert list(tmp_path.iterdir()) == []


def test_the_model_alone_is_enough_to_score(run: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "model.json"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    whole, alone = (call("score", folder, "digits:small", "--json") for folder in (run, tmp_path))
    assert alone.exit_code == 0, alone.output
    assert json.loads(alone.stdout)["accuracy"] == json.loads(whole.stdout)["accuracy"]
    assert json.loads(whole.stdout)["comparable"] and not json.loads(alone.stdout)["comparable"]
