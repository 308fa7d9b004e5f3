"""A run's files: what is in them, and that a model that was touched is refused."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from mtlkit import ImageSet, InputError, MultiTaskClusterer
from mtlkit.deployment import load_model, save_model
from mtlkit.multitask import MultiTaskModel, fit, make_encoder
from mtlkit.multitask.tasks import Classification
from mtlkit.preprocessing.class_sizes import SizeEvidence


def test_a_report_says_what_was_weighed_each_time_that_label_vectors_were_made(
    run: Path, fitted: tuple[ImageSet, MultiTaskClusterer]
) -> None:
    stored = json.loads((run / "report.json").read_text())["class_sizes"]
    assert stored and [SizeEvidence(**one) for one in stored] == fitted[1].sizes_


def test_a_run_holds_all_files_and_says_what_it_did(run: Path) -> None:
    names = {
        "model.safetensors",
        "model.json",
        "report.json",
        "history.csv",
        "report.html",
        "assignments.csv",
    }
    assert {path.name for path in run.iterdir()} == names
    assert not run.with_name("run.partial").exists()
    report = json.loads((run / "report.json").read_text())
    assert report["images"] == 537
    assert sum(report["sizes"]) == 537
    assert {"python", "torch", "mtlkit"} <= set(report["versions"])
    assert 0 < report["scores"]["accuracy"] <= 1
    rows = list(
        csv.DictReader((run / "assignments.csv").read_text(encoding="utf-8-sig").splitlines())
    )
    assert len(rows) == 537
    assert rows[0]["path"] == "./=1+1.png"  # no formula for a spreadsheet, and the same file
    assert {row["class"] for row in rows} <= {"0", "1", "2"}
    history = list(
        csv.DictReader((run / "history.csv").read_text(encoding="utf-8-sig").splitlines())
    )
    assert {row["stage"] for row in history} == {"features", "classes"}
    page = (run / "report.html").read_text()
    assert "<b>three</b>" not in page
    assert page.count("<img ") == 7
    alts = re.findall(r'<img [^>]*alt="([^"]*)"', page)
    assert len(set(alts)) == 7 and min(map(len, alts)) >= 40


def test_a_loaded_model_predicts_as_the_fitted_one(
    run: Path, fitted: tuple[ImageSet, MultiTaskClusterer]
) -> None:
    images, clusterer = fitted
    found = load_model(run).predict(torch.as_tensor(images.images), "classes").numpy()
    np.testing.assert_allclose(found, clusterer.probabilities_, atol=1e-6)


def damage(run: Path, how: str) -> None:
    weights, about = run / "model.safetensors", json.loads((run / "model.json").read_text())
    content = weights.read_bytes()
    if how == "cut":
        weights.write_bytes(content[: len(content) // 2])
    elif how == "changed":
        weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif how == "newer":
        about["format"] += 1
    elif how == "older":
        about["format"] -= 1
    elif how == "huge":
        about["width"] = 10**9
    elif how == "other":
        about["width"] = 64
    elif how == "encoder":
        about["encoder"] = "resnet19"
    elif how == "another encoder":
        about["encoder"] = "mlp"
    elif how == "too large":
        about["encoder"] = "regnet_y_128gf"
    elif how == "no name":
        about["encoder"] = ["resnet18"]
    elif how == "side":
        about["inputs"]["side"] = 10**6
    elif how == "scale":
        about["inputs"]["scale"] = [1, None]
    elif how == "no inputs":
        del about["inputs"]
    (run / "model.json").write_text(
        "[" if how == "no json" else "[]" if how == "a list" else json.dumps(about)
    )
    if how == "gone":
        weights.unlink()


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ("cut", "damaged"),
        ("changed", "damaged"),
        ("newer", "pip install --upgrade"),
        ("older", "fit the images again"),
        ("huge", "width is 1000000000"),
        ("other", "damaged"),
        ("encoder", r"model.json: encoder 'resnet19' is not known"),
        ("another encoder", "damaged"),
        ("no name", "damaged"),
        ("too large", "too few for regnet_y_128gf"),
        ("side", "side is 1000000"),
        ("scale", "damaged"),
        ("no inputs", "damaged"),
        ("no json", "damaged"),
        ("a list", "damaged"),
        ("gone", "no model.safetensors"),
    ],
)
def test_a_model_that_was_touched_is_refused(run: Path, how: str, word: str) -> None:
    damage(run, how)
    with pytest.raises(InputError, match=word) as fault:
        load_model(run)
    assert "\n" not in str(fault.value)


def test_a_saved_model_holds_no_more_than_prediction_needs(
    fitted: tuple[ImageSet, MultiTaskClusterer], tmp_path: Path
) -> None:
    save_model(tmp_path, fitted[1].model_)
    assert (tmp_path / "model.safetensors").stat().st_size < 1_000_000
    assert b"heads.descriptors" not in (tmp_path / "model.safetensors").read_bytes()


@pytest.mark.parametrize("name", ["mlp", "shufflenet_v2_x0_5"])
def test_a_model_with_another_encoder_comes_back(name: str, tmp_path: Path) -> None:
    model = MultiTaskModel(make_encoder(name, 1, 16), {"classes": Classification(np.eye(3))})
    fit(model, np.random.default_rng(0).random((3, 1, 16, 16)), epochs=2)
    save_model(tmp_path, model)
    assert json.loads((tmp_path / "model.json").read_text())["encoder"] == name
    images = torch.rand(5, 1, 16, 16)
    torch.testing.assert_close(
        load_model(tmp_path).predict(images, "classes"), model.predict(images, "classes")
    )


def test_the_name_of_an_encoders_class_is_as_good(
    fitted: tuple[ImageSet, MultiTaskClusterer], tmp_path: Path
) -> None:
    save_model(tmp_path, fitted[1].model_)
    about = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(about | {"encoder": "SmallCNN"}))
    assert load_model(tmp_path).encoder.width == 128
