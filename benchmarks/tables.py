"""Put the figures of `results/` into README and into this folder's README, between their two marks.

python benchmarks/tables.py
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

HERE = Path(__file__).parent
README, OURS = HERE.parent / "README.md", HERE / "README.md"
FOREIGN = ("another stain", "digits", "blank white", "a face")
START, END = "<!-- figures -->\n", "<!-- /figures -->"


def read(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(
        (HERE / "results" / f"{name}.json").read_text(encoding="utf-8")
    )
    return result


def cell(values: dict[str, Any]) -> str:
    return f"{values['mean']:.3f} ({values['min']:.3f} to {values['max']:.3f})"


def page(result: dict[str, Any], head: str, rows: Iterable[Iterable[str]]) -> str:
    """The command, and below it a table."""
    return f"`{result['command']}`\n\n{table(head, rows)}"


def table(head: str, rows: Iterable[Iterable[str]]) -> str:
    """A table; its heads are parted by `|`."""
    heads = head.split("|")
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(cells)} |" for cells in rows)])


def scoreboard(result: dict[str, Any], score: str, title: str) -> str:
    rows = sorted(result["rows"], key=lambda row: -row[score]["mean"])
    timed = any("cpu_seconds" in row for row in rows)
    lines = []
    for row in rows:
        name, variant = row["method"], row["variant"]
        if name == "mtlkit":
            name, variant = f'**mtlkit, `class_sizes="{variant}"`**', "images"
        seconds = [f"{row['cpu_seconds']['mean']:,.1f}"] if timed else []
        seeds = f"{row['seeds'][0]} to {row['seeds'][-1]}"
        scores = [cell(row[score]), f"{row['nmi']['mean']:.3f}"]
        lines.append([name, variant, row["assumed"], *scores, *seconds, seeds])
    head = f"method|on|assumed|{title} (range)|NMI|{'CPU s|' * timed}seeds"
    below = [*evidence(result), *difference(result, score, title)]
    return "\n".join([page(result, head, lines), *below])


def evidence(result: dict[str, Any]) -> list[str]:
    """Say which class sizes `"auto"` took."""
    said = []
    for row in result["rows"]:
        if row["variant"] == "auto" and "taken" in row:
            cuts = " and ".join(f"{fmean(row[f'{way}_cut']):.1%}" for way in ("equal", "free"))
            said.append(
                f'`"auto"` took equal sizes in {row["taken"].count("equal")} of '
                f"{len(row['taken'])} runs "
                f"(a class's links cut by equal and by free sizes, in the mean: {cuts})."
            )
    return ["", *said] if said else []


def difference(result: dict[str, Any], score: str, title: str) -> list[str]:
    """Say how far `"auto"` is from its rival, in pairs."""
    pairs = result.get("difference")
    if not pairs or pairs[score]["low"] is None:
        return []
    one = pairs[score]
    interval = f"95 % t-interval {one['low']:+.3f} to {one['high']:+.3f}"
    said = (
        f'`"auto"` minus {pairs["theirs"]}, seed by seed: {title} {one["mean"]:+.3f} ({interval})'
    )
    return ["", f"{said}, better in {one['better']} of {one['pairs']}."]


def regrets(result: dict[str, Any]) -> str:
    lines = []
    for row in result["rows"]:
        score = row["judged_by"]
        ours, best = row["methods"]["mtlkit"], row["methods"][row["best_simple"]]
        lines.append(
            [
                f"{row['set']} (NMI)" if score == "nmi" else row["set"],
                f"{row['images']:,}",
                f"{row['classes']}",
                cell(ours[score]),
                row["best_simple"],
                cell(best[score]),
                f"{-row['regret']:+.3f}",
                f"{ours['cpu_seconds']['mean']:,.0f}",
                f"{row['seeds'][0]} to {row['seeds'][-1]}",
            ]
        )
    head = "set|images|classes|ours|best simple method|its score|difference|CPU s, ours|seeds"
    return page(result, head, lines)


def development(result: dict[str, Any]) -> str:
    """The figure that `development.py --figure` draws, with what it shows in words."""
    rows = result["rows"]
    kinds = {like: [row for row in rows if row["like"] == like] for like in (True, False)}

    def span(some: list[dict[str, Any]]) -> str:
        cuts, names = (
            [row["difference"] for row in some],
            dict.fromkeys(row["images"] for row in some),
        )
        return f"({'; '.join(names)}): {min(cuts):+.3f} to {max(cuts):+.3f}"

    alt = (
        "Dots of how much more of a class's links equal sizes cut than free sizes "
        "do, a line for each kind of set. "
        f"Circles, sets of like sizes {span(kinds[True])}. Triangles, sets of unlike "
        f"sizes {span(kinds[False])}. "
        f"The bound is at {result['threshold']:+.3f}."
    )
    equal = sum(row["taken"] == "equal" for row in kinds[True])
    free = sum(row["taken"] == "free" for row in kinds[False])
    better = sum(row[row["taken"]] == max(row["equal"], row["free"]) for row in rows)
    said = (
        f"Equal sizes were taken for {equal} of {len(kinds[True])} sets of like "
        "sizes (the largest class at most "
        f"{result['like_up_to']} times the smallest), free ones for {free} of "
        f"{len(kinds[False])} sets of unlike sizes. "
        f"For {better} of all {len(rows)} the better of the two was taken."
    )
    return f"`{result['command']}`\n\n![{alt}](docs/evidence.png)\n\n{said}"


def ablation(result: dict[str, Any]) -> str:
    keys = list(dict.fromkeys((row["images"], row["label vectors"]) for row in result["rows"]))
    found = {
        (row["tasks"], row["images"], row["label vectors"]): cell(row) for row in result["rows"]
    }
    tasks = dict.fromkeys(row["tasks"] for row in result["rows"])
    lines = [[task, *(found.get((task, *key), "–") for key in keys)] for task in tasks]
    return page(result, "|".join(["tasks", *map(", ".join, keys)]), lines)


def tries(result: dict[str, Any]) -> str:
    rows = result["rows"]
    names = [f"{row['images']} ({row['draws']} draws)" for row in rows]
    lines = [[way, *(cell(row["ways"][way]) for row in rows)] for way in rows[0]["ways"]]
    return page(result, "|".join(["way", *names]), lines)


def medical(result: dict[str, Any]) -> str:
    names = {"window": "windows", "box": "cut to the box", "smears": "drawn, unseen"}
    lines = [
        [
            names[row["set"]],
            row["method"],
            cell(row["balanced_accuracy"]),
            cell(row["nmi"]),
            f"{row['accuracy']['mean']:.3f}",
            f"{row['cpu_seconds']['mean']:,.1f}",
            f"{row['seeds'][0]} to {row['seeds'][-1]}",
        ]
        for row in result["rows"]
    ]
    return page(result, "crops|method|balanced ACC (range)|NMI (range)|ACC|CPU s|seeds", lines)


def signs(result: dict[str, Any]) -> str:
    lines = [
        [
            row["method"],
            "yes" if "track" in row["assumed"] else "no",
            cell(row["nmi"]),
            cell(row["accuracy"]),
            f"{row['cpu_seconds']['mean']:,.1f}",
            f"{row['seeds'][0]} to {row['seeds'][-1]}",
        ]
        for row in result["rows"]
    ]
    return page(result, "method|knows tracks|NMI (range)|ACC (range)|CPU s|seeds", lines)


def detection(result: dict[str, Any]) -> str:
    """A row for each set that was scored: ours, what needs no training, and with all boxes."""
    rows = []
    for row in result["rows"]:
        for name, methods in row["scores"].items():
            if "mtlkit" not in methods:  # the seconds
                continue
            ours = methods["mtlkit"]
            known = methods.get("all boxes given")
            rows.append(
                (
                    name,
                    *(cell(ours[key]) for key in ("ap50", "map50", "corloc", "recall by 10")),
                    f"{methods['proposals']['ap50']:.3f}",
                    cell(known["ap50"]) if known else "",
                )
            )
    head = "scored on|AP50|mAP50|CorLoc|recall by 10 boxes|AP50 of proposals|AP50 with all boxes"
    return page(result, head, rows)


def doubt(result: dict[str, Any]) -> str:
    lines = []
    for name, row in result["sets"].items():
        parts = ["", "unseen, "] if "unseen, accuracy" in row else [""]
        for part, way in product(parts, ("confidence", "softmax", "views")):
            keys = ("AUROC", "calibration error", "mistakes among 60, times chance")
            ranks, gap, found = (row[f"{part}{way}: {key}"] for key in keys)
            flagged = f"{row[f'{part}flagged']['mean']:.1%}" if way == "confidence" else ""
            right = f"{row[f'{part}accuracy']['mean']:.3f}"
            numbers = [cell(ranks), cell(gap), f"{found['mean']:.1f}", flagged]
            lines.append([f"{name}{', unseen' * bool(part)}", right, way, *numbers])
    head = "images|ACC|doubt by|AUROC (range)|calibration error (range)|60 looks|own flagged"
    below = [
        [name, *map(partial(told_apart, row), FOREIGN)] for name, row in result["sets"].items()
    ]
    return page(result, head, lines) + "\n\n" + table("|".join(["images", *FOREIGN]), below)


def told_apart(row: dict[str, Any], foreign: str) -> str:
    """How well foreign images are told apart: AUROC, where there are several, and flagged."""
    if f"{foreign}: flagged" not in row:
        return "–"
    ranks, flagged = row.get(f"{foreign}: AUROC of novelty"), row[f"{foreign}: flagged"]
    told = f"{cell(ranks)}; " if ranks else ""
    return f"{told}{flagged['mean']:.0%}"


def steps(result: dict[str, Any]) -> str:
    parts = {k: v for k, v in result["milliseconds"].items() if not k.startswith("encoder alone")}
    lines = [[part, f"{t:.1f}", f"{t / result['step']:.0%}"] for part, t in parts.items()]
    return page(result, "part of a training step|ms|share", lines) + (
        f"\n\nA step takes {result['ratio']:.2f} times as long as the encoder's own "
        "forward and backward on as many views."
    )


def weighting(result: dict[str, Any]) -> str:
    lines = [
        [way, f"{time:.1f}", f"{result['ratios'][way]:.2f}"]
        for way, time in result["milliseconds"].items()
    ]
    return page(result, "weighting|ms a step|times equal weights", lines)


def large(result: dict[str, Any]) -> str:
    names = (
        "wall seconds",
        "CPU seconds",
        "CPU milliseconds an image",
        "peak megabytes",
        "accuracy, train",
        "accuracy, test",
        "nmi, test",
    )
    lines = [
        [f"{row['images']:,}", *(f"{row[name]:,}" for name in names)] for row in result["rows"]
    ]
    rows = page(result, "|".join(["images", *names]), lines)
    return f"{rows}\n\nCPU time an image is {result['ratio']:.2f} times that at 10,000."


def chosen(result: dict[str, Any]) -> str:
    lines = [
        [
            row["images"],
            row["score"],
            f"{row['finds the best']:.0%}",
            f"{row['avoids the worst']:.0%}",
            f"{row['gain']:+.3f}",
            f"{row['left']:.3f}",
        ]
        for row in result["rows"]
    ]
    head = "images|score|finds the best|avoids the worst|gained over a blind pick|lost to the best"
    groups = result["rows"][0]["groups"]
    return page(result, head, lines) + f"\n\n{groups} groups of each kind: a share is of so few."


def survival(result: dict[str, Any]) -> str:
    return f"`{result['command']}`: {result['good']} of {len(result['rows'])}."


Section = tuple[str, str, Callable[[dict[str, Any]], str]]  # result, what is said of it, table
SECTIONS: list[Section] = [
    (
        "digits",
        "Digits, scored against labels that were opened afterwards; mean and range "
        "over seeds. HOG: images enlarged to "
        "16 px, 8 orientations, 4 × 4 cells, blocks of 2 × 2.",
        lambda result: scoreboard(result, "accuracy", "ACC"),
    ),
    *(
        (
            f"digits-{ratio}-1",
            "The same digits with class sizes geometric from 174 down to "
            f"{smallest}, class order and images "
            "drawn by the seed; by balanced accuracy:",
            lambda result: scoreboard(result, "balanced_accuracy", "balanced ACC"),
        )
        for ratio, smallest in ((2, 87), (3, 58), (10, 17))
    ),
    (
        "regrets",
        "No regrets: the method as it comes (what `mtlkit fit` does; nothing is said "
        "of the images but the number of "
        "classes) beside the best of k-means and Ward, on HOG and, in colour, on HOG "
        "with colour. The best is picked with the "
        "labels, set by set. Balanced accuracy, mean and range over seeds; NMI where that is said.",
        regrets,
    ),
    (
        "development",
        "Why the default believes in equal sizes where it does: on development sets, "
        "how much more of a class's "
        "links to its neighbours equal sizes cut than free sizes do.",
        development,
    ),
    (
        "ablation",
        "What each part adds: balanced accuracy, mean and range over 5 seeds, by "
        "images and class sizes. Rows above "
        "the last take their classes straight from the label vectors.",
        ablation,
    ),
    ("step", "Where the time of a training step goes:", steps),
    (
        "weighting",
        "What a step of three tasks (contrast, regression, classification) costs by "
        "the way they are weighted:",
        weighting,
    ),
    (
        "large",
        "Sixty thousand images, and ten thousand of them with equal epochs (MNIST at "
        "28 px, one thread, one seed; fitted "
        "without labels on the train part):",
        large,
    ),
    (
        "selection",
        "Choosing between five runs that differ by their seed, without labels. A "
        "blind pick finds the best in 20 % and "
        "avoids the worst in 80 %; balanced accuracy gained and lost, in the mean:",
        chosen,
    ),
    (
        "kills",
        "Runs killed (kill -9) at a random moment and resumed that ended with the "
        "unbroken run's classes, with nothing "
        "half-written:",
        survival,
    ),
]


BELOW: list[Section] = [  # in this folder's README
    ("tries", "", tries),
    (
        "tries-whole",
        "The way that was ahead, followed to the end of the training; balanced accuracy.",
        tries,
    ),
    (
        "medical",
        "## Stained blood cells\n\nRed cells, white cells and platelets, 11:1:1. The recipe for "
        "stained cells was chosen on BCCD's train photos; val and test photos are reported, and "
        "drawn smears of photos that training has not seen.",
        medical,
    ),
    (
        "signs",
        "## Traffic signs that were followed\n\nGTSRB, 43 classes. A track is some frames of one "
        "physical sign; those of one track are assumed to show one thing. The recipe (descriptors "
        "of the middle, a gentler augmentation, smaller batches) was chosen on the tracks of even "
        "number; those of odd number are reported.",
        signs,
    ),
    (
        "detection",
        "## Objects found without boxes\n\nA detector learnt from pictures alone, on scenes that "
        "it has not seen; groups are named on those it was trained on. Beside it the proposals by "
        "how much they stand out, and the same detector trained with all boxes. The recipe was "
        "chosen on drawn scenes of other seeds (300 to 559).",
        detection,
    ),
    (
        "doubt",
        "## Doubt\n\nHow well confidence, the network's own softmax and its mean over changed "
        "views rank mistakes; the gap between what they say and the share that is right; how many "
        "times as many mistakes 60 looks find as 60 at random; and how many of the set's own "
        "images are flagged as novel. Below: how well novelty tells foreign images from the set's "
        "own (AUROC), and the share of them that is flagged.",
        doubt,
    ),
]


def section(name: str, text: str, table: Callable[[dict[str, Any]], str]) -> str:
    """Return what a stored result says, when it was measured, and by which command."""
    result = read(name)
    parts = result.get("rows") or list(result.get("sets", {}).values())
    dates = sorted({made["date"] for made in (result, *parts) if "date" in made})
    return "\n\n".join(
        [*([text] if text else []), f"*Measured on {' and '.join(dates)}.*", table(result)]
    )


def figures(sections: list[Section] = SECTIONS) -> str:
    """Return the text between a page's marks: every figure from a stored result."""
    present = [one for one in sections if (HERE / "results" / f"{one[0]}.json").exists()]
    return "\n\n".join(section(*one) for one in present) + "\n"


def write(page: Path, text: str) -> None:
    before, rest = page.read_text(encoding="utf-8").split(START)
    page.write_text(before + START + text + END + rest.split(END)[1], encoding="utf-8")


def main() -> None:
    write(README, figures())
    write(OURS, figures(BELOW))


if __name__ == "__main__":
    main()
