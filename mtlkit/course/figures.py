"""What a chapter shows: figures with a text for whoever cannot see them, sliders with a static
twin, recorded numbers.
"""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Any

from IPython.display import HTML, display
from matplotlib.figure import Figure
from pandas import DataFrame
from PIL import Image

from mtlkit.evaluation import to_png

MARKERS = "osD^vP*X"
RECORD = "application/vnd.mtlkit.record+json"


def show(figure: Figure, alt: str) -> HTML:
    """Return a figure as HTML, with `alt`, 40 characters or more that say what it shows."""
    picture = b64encode(_small(to_png(figure))).decode()
    return HTML(
        f'<img src="data:image/png;base64,{picture}" alt="{escape(alt)}" style="max-width: 100%">'
    )


def _small(png: bytes) -> bytes:
    """Return a PNG in 256 colours: half the bytes, so that a chapter of photographs stays small."""
    out = BytesIO()
    Image.open(BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        out, "png", optimize=True
    )
    return out.getvalue()


@dataclass(frozen=True)
class Explorer:
    """A figure that a slider changes: `draw(value)` makes it anew. `EXPLORERS` keeps all of a
    notebook, for its test.
    """

    draw: Callable[[Any], Figure]
    low: float
    default: float
    high: float


EXPLORERS: list[Explorer] = []


def explore(
    draw: Callable[[Any], Figure],
    name: str,
    low: float,
    default: float,
    high: float,
    step: float,
    alt: str,
) -> None:
    """Show a figure with a slider, and beside it the static twin: the figure at both ends of the
    slider.

    Args:
        draw: makes the figure for one value; whole numbers are given if all of low, high and step
            are.
        name: what the slider changes, with its unit.
        low, default, high, step: of the slider. It starts at the default.
        alt: what the twin shows, in words.
    """
    from ipywidgets import FloatSlider, IntSlider, Layout, interactive_output

    EXPLORERS.append(Explorer(draw, low, default, high))
    whole = all(isinstance(value, int) for value in (low, default, high, step))
    slider = (IntSlider if whole else FloatSlider)(
        value=default,
        min=low,
        max=high,
        step=step,
        description=name,
        continuous_update=False,
        style={"description_width": "initial"},
        layout=Layout(width="32em"),
    )
    display(
        slider,
        interactive_output(
            lambda value: display(show(draw(value), f"{alt} The slider's value: {value}.")),
            {"value": slider},
        ),
    )
    for value, end in ((low, "lowest"), (high, "highest")):
        display(show(draw(value), f"{alt} {name.capitalize()} at its {end}, {value}."))


def record(**numbers: float | str) -> None:
    """Record a chapter's headline numbers: shown as a line, and kept in the notebook for `mtlkit
    course run` and `sweep`.
    """
    values = {
        name: value if isinstance(value, str) else float(value) for name, value in numbers.items()
    }
    texts = (value if isinstance(value, str) else f"{value:.3g}" for value in values.values())
    shown = ", ".join(
        f"{name.replace('_', ' ')} {text}" for name, text in zip(values, texts, strict=True)
    )
    display(
        {"text/plain": shown, "text/markdown": f"**Recorded:** {shown}.", RECORD: values}, raw=True
    )


def sweep_figure(numbers: DataFrame, by: list[str]) -> Figure:
    """Draw a sweep: each run as a dot, mean ± standard deviation of each group; a panel a number,
    the first of `by` along it.

    Args:
        numbers: a row a run and number: the parameters `by`, metric, value.
        by: the parameters that tell groups apart.
    """
    import seaborn  # here: it takes a second

    along, *others = by or ["all"]
    hue = [
        ", ".join(f"{name} {row[name]}" for name in others) or "mean ± sd"
        for row in numbers.to_dict("records")
    ]
    table = numbers.assign(all="runs", hue=hue).astype({along: str})
    n, panels = len(set(hue)), table.groupby("metric")
    figure = Figure(figsize=(8, 0.5 + 2.8 * len(panels)), layout="constrained")
    for axes, (metric, own) in zip(
        figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True
    ):
        looks: dict[str, Any] = {
            "x": along,
            "y": "value",
            "hue": "hue",
            "palette": "colorblind",
            "ax": axes,
        }
        seaborn.stripplot(own, **looks, alpha=0.5, jitter=False, legend=False, dodge=n > 1)
        seaborn.pointplot(
            own,
            **looks,
            errorbar="sd",
            linestyle="none",
            capsize=0.1,
            dodge=0.8 * (n - 1) / n,
            markers=[MARKERS[i % len(MARKERS)] for i in range(n)],
        )
        axes.set(
            title=f"{metric}: each run, and the mean ± standard deviation of each group",
            ylabel=metric,
        )
        axes.legend(fontsize=9)
    return figure
