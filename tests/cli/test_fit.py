"""`mtlkit fit`, and what `score` and `predict` make of its run."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtlkit import ImageSet, MultiTaskClusterer
from mtlkit.multitask import Schedule
from mtlkit.preprocessing.class_sizes import CLASS_SIZES, SizeEvidence

from .helpers import QUICK, assert_refused, assignments_of, call, json_of, report_of, succeed


def test_score_predict_and_json(run: Path) -> None:
    scores = json_of("score", run, "digits:small")
    # the saved model is the one that was scored
    assert scores["accuracy"] == report_of(run)["scores"]["accuracy"]
    assert "NMI" in call("score", run, "digits:small").stdout
    rows = json_of("predict", run, "digits:small")
    lines = call("predict", run, "digits:small").stdout.splitlines()
    assert len(rows) == len(lines) - 1 == 537
    assert lines[0] == "path,class,confidence,novelty"
    classes = [row["class"] for row in assignments_of(run)]
    assert classes == [line.split(",")[1] for line in lines[1:]]


def test_a_folder_of_photos_goes_the_whole_way(photos: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    report = json_of("fit", photos, "--classes", "2", "--out", run, *QUICK)
    assert [item["path"] for item in report["skipped"]] == ["red/broken.png"]
    assert report["skipped"][0]["reason"]
    assert report["classes_given_by"] == "user"
    assert str(SizeEvidence(**report["class_sizes"][-1])) in report["assumptions"]
    # They are no strokes: light and colours vary.
    assert "and colour" in report["assumptions"][-1]
    assert "red/broken.png" in (run / "report.html").read_text()


def test_a_model_takes_images_by_name_of_other_channels_and_another_size(
    photos: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    succeed("fit", photos, "--classes", "2", "--out", run, *QUICK)
    files = [photos / "red" / "1.png", photos / "blue" / "2.png"]
    rows = json_of("predict", run, *files)
    assert [Path(row["path"]).name for row in rows] == ["1.png", "2.png"]
    assert len(json_of("predict", run, "digits:small")) == 537


@pytest.mark.parametrize("class_sizes", CLASS_SIZES)
def test_a_run_says_which_class_sizes_it_took_and_why(class_sizes: str, tmp_path: Path) -> None:
    options = ["--class-sizes", class_sizes, "--effort", "0.1"]
    report = json_of("fit", "digits:small", "--out", tmp_path / "run", *options)
    rounds = [SizeEvidence(**evidence) for evidence in report["class_sizes"]]
    assert len(rounds) > 1  # at the start, and again in each round
    assert {evidence.asked for evidence in rounds} == {class_sizes}
    assert report["settings"]["class sizes"] == class_sizes
    if class_sizes != "auto":
        assert {evidence.taken for evidence in rounds} == {class_sizes}
    # what was chosen, not that nothing was asked for
    assert report["settings"]["batch size"] == Schedule().batch(537)
    sentence = str(rounds[-1])
    assumptions = report["assumptions"]
    assert assumptions.count(sentence) == 1
    assert sum("equal size" in text or "classes' sizes" in text for text in assumptions) == 1
    assert sentence in html.unescape((tmp_path / "run" / "report.html").read_text())
    assert "of colour" not in " ".join(assumptions)  # the digits are grey
    stored = report_of(tmp_path / "run")
    assert stored["class_sizes"] == report["class_sizes"]
    assert stored["assumptions"] == assumptions


def test_a_run_starts_from_anothers_weights_and_says_so(run: Path, tmp_path: Path) -> None:
    weights = run / "model.safetensors"
    options = ["--weights", weights, "--weighting", "UPGrad", "--cosines", *QUICK]
    report = json_of("fit", "digits:small", "--out", tmp_path / "run", *options)
    assert str(weights) in report["assumptions"][0]
    assert "trained elsewhere" in report["assumptions"][0]
    assert report["settings"]["weights"] == str(weights)
    assert report["settings"]["weighting"] == "UPGrad"
    assert "trained elsewhere" in (tmp_path / "run" / "report.html").read_text()
    assert "cosine/views/descriptors" in (tmp_path / "run" / "history.csv").read_text()
    assert "trained elsewhere" not in (run / "report.html").read_text()


def test_weights_that_do_not_fit_the_encoder_are_refused(run: Path, tmp_path: Path) -> None:
    options = ["--encoder", "mlp", "--weights", run / "model.safetensors"]
    result = call("fit", "digits:small", "--out", tmp_path / "other", *options)
    assert_refused(result, "does not fit", "layers.3.weight")


def test_another_encoder_goes_the_whole_way(tmp_path: Path) -> None:
    run = tmp_path / "run"
    succeed("fit", "digits:small", "--encoder", "mlp", "--out", run, *QUICK)
    scores = json_of("score", run, "digits:small")
    assert scores["accuracy"] == report_of(run)["scores"]["accuracy"]


def test_photos_without_labels_have_no_score(photos: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = succeed("fit", photos / "red", "--classes", "2", "--out", run, *QUICK)
    assert "no labels" in result.stdout
    assert_refused(call("score", run, photos / "red"), "no labels", "subfolder")


def test_a_collapse_is_told_and_reported(tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = succeed("fit", "digits:small", "--classes", "100", "--out", run, *QUICK)
    assert "classes are empty" in result.stderr
    assert "classes are empty" in report_of(run)["warnings"][0]


def test_labels_are_opened_after_training_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    order: list[str] = []
    opens = ImageSet.open_labels
    fits = MultiTaskClusterer.fit

    def open_labels(images: ImageSet) -> Any:
        order.append("labels")
        return opens(images)

    def fit(clusterer: MultiTaskClusterer, X: np.ndarray, **more: Any) -> MultiTaskClusterer:
        fitted = fits(clusterer, X, **more)
        order.append("fitted")
        return fitted

    monkeypatch.setattr(ImageSet, "open_labels", open_labels)
    monkeypatch.setattr(MultiTaskClusterer, "fit", fit)
    succeed("fit", "digits:small", "--out", tmp_path / "run", *QUICK)
    assert order == ["fitted", "labels"]


def test_the_model_alone_is_enough_to_score(run: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "model.json"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    whole = json_of("score", run, "digits:small")
    alone = json_of("score", tmp_path, "digits:small")
    assert alone["accuracy"] == whole["accuracy"]
    assert whole["comparable"]
    assert not alone["comparable"]
