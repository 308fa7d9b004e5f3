"""Put the figures of `results/` into README, between its two marks.

python benchmarks/tables.py
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
START, END = "<!-- figures -->\n", "<!-- /figures -->"


def read(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))
    return result


def cell(values: dict[str, Any]) -> str:
    return f"{values['mean']:.3f} ({values['min']:.3f} to {values['max']:.3f})"


def scoreboard(result: dict[str, Any], score: str, title: str) -> str:
    rows = sorted(result["rows"], key=lambda row: -row[score]["mean"])
    lines = [
        f"`{result['command']}`",
        "",
        f"| method | on | assumed | {title} (range) | NMI | seeds |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        name, variant = row["method"], row["variant"]
        if name == "mtlkit":
            name, variant = f'**mtlkit, `class_sizes="{variant}"`**', "images"
        seeds = f"{row['seeds'][0]} to {row['seeds'][-1]}"
        lines.append(
            f"| {name} | {variant} | {row['assumed']} | {cell(row[score])} | {row['nmi']['mean']:.3f} | {seeds} |"
        )
    return "\n".join(lines)


def ablation(result: dict[str, Any]) -> str:
    keys = {
        ("digits", "equal"): "digits, equal",
        ("digits", "free"): "digits, free",
        ("imbalanced", "free"): "imbalanced, free",
    }
    lines = [f"`{result['command']}`", "", f"| tasks | {' | '.join(keys.values())} |", "|---|---|---|---|"]
    tasks = list(dict.fromkeys(row["tasks"] for row in result["rows"]))
    for task in tasks:
        found = {(row["images"], row["label vectors"]): cell(row) for row in result["rows"] if row["tasks"] == task}
        lines.append(f"| {task} | {' | '.join(found[key] for key in keys)} |")
    return "\n".join(lines)


def steps(result: dict[str, Any]) -> str:
    parts = {k: v for k, v in result["milliseconds"].items() if not k.startswith("encoder alone")}
    lines = [f"`{result['command']}`", "", "| part of a training step | ms | share |", "|---|---|---|"]
    lines += [f"| {part} | {time:.1f} | {time / result['step']:.0%} |" for part, time in parts.items()]
    return (
        "\n".join(lines)
        + f"\n\nA step takes {result['ratio']:.2f} times as long as the encoder's own forward and backward on as many views."
    )


def weighting(result: dict[str, Any]) -> str:
    lines = [f"`{result['command']}`", "", "| weighting | ms a step | times equal weights |", "|---|---|---|"]
    lines += [f"| {way} | {time:.1f} | {result['ratios'][way]:.2f} |" for way, time in result["milliseconds"].items()]
    return "\n".join(lines)


def large(result: dict[str, Any]) -> str:
    names = ("wall seconds", "CPU seconds", "CPU milliseconds an image", "peak megabytes", "accuracy, train", "accuracy, test",
             "nmi, test")  # fmt: skip
    lines = [f"`{result['command']}`", "", f"| images | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    lines += [f"| {row['images']:,} | {' | '.join(f'{row[name]:,}' for name in names)} |" for row in result["rows"]]
    return "\n".join(lines) + f"\n\nCPU time an image is {result['ratio']:.2f} times that at 10,000."


def chosen(result: dict[str, Any]) -> str:
    head = "| images | score | finds the best | avoids the worst | gained over a blind pick | lost to the best |"
    lines = [f"`{result['command']}`", "", head, "|---|---|---|---|---|---|"]
    lines += [f"| {row['images']} | {row['score']} | {row['finds the best']:.0%} | {row['avoids the worst']:.0%} | "
              f"{row['gain']:+.3f} | {row['left']:.3f} |" for row in result["rows"]]  # fmt: skip
    return "\n".join(lines) + f"\n\n{result['rows'][0]['groups']} groups of each kind: a share is of so few."


def survival(result: dict[str, Any]) -> str:
    return f"`{result['command']}`: {result['good']} of {len(result['rows'])}."


SECTIONS: list[tuple[str, str, Callable[[dict[str, Any]], str]]] = [  # result, what is said of it, table
    ("digits", "Digits, scored against labels that were opened afterwards; mean and range over seeds. HOG: images enlarged to "
     "16 px, 8 orientations, 4 × 4 cells, blocks of 2 × 2. The recipe was developed on MNIST's training part, not on these.",
     lambda result: scoreboard(result, "accuracy", "ACC")),
    ("digits-imbalanced", "The same digits made imbalanced (class sizes geometric from 174 down to 17, drawn by the seed), by "
     "balanced accuracy:", lambda result: scoreboard(result, "balanced_accuracy", "balanced ACC")),
    ("ablation", "What each task adds: balanced accuracy, mean and range over 5 seeds, by the way label vectors are made. Rows "
     "above the last take their classes straight from the label vectors.", ablation),
    ("step", "Where the time of a training step goes:", steps),
    ("weighting", "What a step of three tasks (contrast, regression, classification) costs by the way they are weighted:",
     weighting),
    ("large", "Sixty thousand images, and ten thousand of them with equal epochs (MNIST at 28 px, one thread, one seed; fitted "
     "without labels on the train part):", large),
    ("selection", "Choosing between five runs that differ by their seed, without labels. A blind pick finds the best in 20 % and "
     "avoids the worst in 80 %; balanced accuracy gained and lost, in the mean:", chosen),
    ("kills", "Runs killed (kill -9) at a random moment and resumed that ended with the unbroken run's classes, with nothing "
     "half-written:", survival),
]  # fmt: skip


def figures() -> str:
    """Return the text between the marks: every figure from a stored result."""
    present = [section for section in SECTIONS if (HERE / "results" / f"{section[0]}.json").exists()]
    return "\n\n".join(part for name, text, table in present for part in (text, table(read(name)))) + "\n"


def main() -> None:
    before, rest = README.read_text(encoding="utf-8").split(START)
    README.write_text(before + START + figures() + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
