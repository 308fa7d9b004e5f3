"""What a chapter shows: figures with alt text, sliders with a static twin, recorded numbers.

A chapter imports from here what it draws with, too: `bars`, `contact_sheet`, `dots`, `heat_map` and
`lines` are in `charts.py`.
"""

from base64 import b64encode
from collections.abc import Callable
from html import escape
from io import BytesIO
from typing import Any

from IPython.display import HTML, display
from matplotlib.figure import Figure
from PIL import Image

from mtlkit.course.charts import bars, contact_sheet, dots, heat_map, lines
from mtlkit.evaluation import to_png

__all__ = [
    "RECORD",
    "bars",
    "contact_sheet",
    "dots",
    "explore",
    "heat_map",
    "lines",
    "record",
    "show",
]
RECORD = "application/vnd.mtlkit.record+json"


def show(figure: Figure, alt: str = "") -> HTML:
    """Return a figure as HTML, with `alt`, 40 characters or more that say what it shows.

    Without `alt`, the figure's own text is taken: what was drawn by a function of `charts.py` has
    one.
    """
    picture = Image.open(BytesIO(to_png(figure))).convert("RGB")
    file = BytesIO()
    # In 256 colours it has half the bytes, so that many photographs stay small.
    picture.quantize(256, dither=Image.Dither.NONE).save(file, "png", optimize=True)
    source = b64encode(file.getvalue()).decode()
    text = alt or str(figure.get_label())
    return HTML(
        f'<img src="data:image/png;base64,{source}" alt="{escape(text)}" style="max-width: 100%">'
    )


def explore(
    draw: Callable[[Any], Figure],
    name: str,
    low: float,
    default: float,
    high: float,
    step: float,
    alt: str,
) -> None:
    """Show a figure with a slider, and its static twin: the figure at both ends of the slider.

    Args:
        draw: makes the figure for one value; whole numbers are given if all of low, high and step
            are.
        name: what the slider changes, with its unit.
        low, default, high, step: of the slider. It starts at the default.
        alt: what the twin shows, in words.
    """
    from ipywidgets import FloatSlider, IntSlider, Layout, interactive_output

    whole = all(isinstance(value, int) for value in (low, default, high, step))
    kind = IntSlider if whole else FloatSlider
    slider = kind(
        value=default,
        min=low,
        max=high,
        step=step,
        description=name,
        continuous_update=False,
        style={"description_width": "initial"},
        layout=Layout(width="32em"),
    )

    def redraw(value: float) -> None:
        display(show(draw(value), f"{alt} The slider's value: {value}."))

    display(slider, interactive_output(redraw, {"value": slider}))
    for value, end in ((low, "lowest"), (high, "highest")):
        display(show(draw(value), f"{alt} {name.capitalize()} at its {end}, {value}."))


def record(**numbers: float | str) -> None:
    """Show a chapter's headline numbers as a line, and keep them for `mtlkit course run`."""
    values: dict[str, float | str] = {}
    texts = []
    for name, value in numbers.items():
        text = value
        if not isinstance(value, str):
            value = float(value)
            text = f"{value:.3g}"
        values[name] = value
        texts.append(f"{name.replace('_', ' ')} {text}")
    line = ", ".join(texts)
    page = f"**Recorded:** {line}."
    display({"text/plain": line, "text/markdown": page, RECORD: values}, raw=True)
