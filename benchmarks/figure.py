"""Draw README's figure: what `mtlkit fit digits` finds, before any label is opened.

python benchmarks/figure.py
"""

from __future__ import annotations

from pathlib import Path

from mtlkit import MultiTaskClusterer, load
from mtlkit.evaluation import contact_sheet, to_png

TARGET = Path(__file__).parents[1] / "docs" / "classes.png"


def main() -> None:
    images = load("digits").images
    clusterer = MultiTaskClusterer(10, random_state=0, verbose=True).fit(images)
    confidence = clusterer.probabilities_.max(axis=1)
    sheet = contact_sheet(
        images,
        clusterer.labels_,
        confidence,
        title="Ten classes found in 1,797 digits without a label",
    )
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(to_png(sheet))


if __name__ == "__main__":
    main()
