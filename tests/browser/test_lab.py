"""In a real browser: JupyterLab opens chapter 02 and runs it, a slider is dragged, and the figure
changes.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mtlkit.course.chapters import find_chapter
from mtlkit.course.execution import prepare_environment


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """JupyterLab on a copy of chapter 02; its address."""
    shutil.copy(find_chapter("02"), tmp_path / "chapter.ipynb")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    token = secrets.token_hex(16)
    prepare_environment()
    call = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={tmp_path}",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    environ = os.environ | {
        name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR")
    }
    environ |= {"JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces")}
    settings = (
        tmp_path
        / "JUPYTERLAB_SETTINGS_DIR"
        / "@jupyterlab"
        / "notebook-extension"
        / "tracker.jupyterlab-settings"
    )
    settings.parent.mkdir(parents=True)
    # Else a cell is in the page only while it is in view.
    settings.write_text('{"windowingMode": "none"}')
    with subprocess.Popen(
        call, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            for _ in range(120):
                time.sleep(0.5)
                try:
                    urllib.request.urlopen(
                        f"http://127.0.0.1:{port}/api?token={token}", timeout=5
                    ).close()
                    break
                except OSError:
                    assert server.poll() is None, "JupyterLab ended"
            yield f"http://127.0.0.1:{port}/lab/tree/chapter.ipynb?token={token}"
        finally:
            server.terminate()


@pytest.mark.slow
def test_a_dragged_slider_changes_the_figure(browser: Any, lab: str) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(300_000)
    page.goto(lab)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    page.locator(".jp-Notebook .jp-Cell").first.click()
    run_all(page)
    slider = page.locator(".widget-slider .noUi-handle").first
    slider.wait_for(state="attached")
    slider.scroll_into_view_if_needed()
    area = page.locator(".jp-OutputArea:has(.widget-slider)").first
    figure = area.locator("img").first
    figure.wait_for()
    before = figure.get_attribute("src")
    box = slider.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    for _ in range(240):
        if figure.get_attribute("src") != before:
            break
        page.wait_for_timeout(500)
    assert figure.get_attribute("src") != before


def run_all(page: Any) -> None:
    """Choose "Run All Cells" until a cell runs: while JupyterLab still draws the notebook, the
    choice is lost.
    """
    from playwright.sync_api import TimeoutError

    for _ in range(20):
        page.click(".lm-MenuBar-itemLabel:text-is('Run')")
        page.click(".lm-Menu-itemLabel:text-is('Run All Cells')")
        with suppress(TimeoutError):
            page.locator(".jp-InputPrompt", has_text="[*]").first.wait_for(timeout=5_000)
            return
    pytest.fail("no cell runs")
