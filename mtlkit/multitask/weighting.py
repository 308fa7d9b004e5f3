"""Weighting: how the tasks' losses become one step of the encoder. A thin face on torchjd's
scalarizers and aggregators.
"""

import copy
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Adam, Optimizer
from torchjd import aggregation, scalarization
from torchjd.aggregation import Aggregator, WeightedAggregator
from torchjd.scalarization import DWA, FAMO, IMTLL, UW, Constant, GeometricMean, Scalarizer

from mtlkit.errors import InputError, as_input_error, nearest, normalised_name
from mtlkit.multitask.model import MultiTaskModel

Method = Scalarizer | Aggregator
Weighting = str | Mapping[str, float] | Method
NAMES = ("equal", "uncertainty")  # ours; the others are torchjd's
POSITIVE = (
    UW,
    IMTLL,
    GeometricMean,
    DWA,
    FAMO,
)  # a loss below zero gets a weight without end, the wrong sign, or NaN
SIZES = {"shape", "n_tasks"}  # arguments of torchjd's that mean the number of tasks ...
VECTORS = {
    "weights",
    "weighting",
    "gramian_weighting",
}  # ... and those that neither a name nor a number can give


def make_weigher(weighting: Weighting, tasks: Sequence[str]) -> Method:
    r"""Return the method that makes one step of the losses $L_i$ (one a task, in the order of
    `tasks`).

    A scalarizer makes one loss of them, and costs one backward pass. An aggregator makes one
    gradient of the tasks' gradients, and costs a backward pass a task.

    Args:
        weighting: `"equal"`: $\sum_i L_i$; `{"views": 0.3, "descriptors": 1.0}`: $\sum_i w_i L_i$
            with fixed weights; `"uncertainty"`: $\sum_i \tfrac12 e^{-s_i} L_i + \tfrac12 s_i$,
            where each $s_i$ is learnt with the network; or the name of any of torchjd's (see
            `methods`), with capitals or without, as `"UPGrad"` or `"imtl-l"`, and a number behind a
            colon where the method cannot do without, as `"CAGrad:0.5"`; or an object of torchjd's,
            of which a copy is used.
        tasks: the tasks' names.

    Raises:
        InputError: an unknown name, a number or a package that is missing, or weights that do not
            name each task once with a number above zero.

    Sources: Kendall, Gal, Cipolla 2018, "Multi-task learning using uncertainty to weigh losses";
        Quinton, Rey 2024, "Jacobian
    descent for multi-objective optimization" (torchjd and UPGrad).

    >>> losses = torch.tensor([2.0, 4.0])
    >>> float(make_weigher({"views": 0.5, "descriptors": 1.0}, ["views", "descriptors"])(losses))
    5.0
    >>> make_weigher("pc-grad", ["views", "descriptors"])
    PCGrad()
    """
    if isinstance(weighting, (Scalarizer, Aggregator)):
        return copy.deepcopy(
            weighting
        )  # a method may learn or remember: the same object must give the same again
    if isinstance(weighting, str):
        return _named(weighting, len(tasks))
    if not isinstance(weighting, Mapping):
        raise InputError(
            f"weighting is a {type(weighting).__name__}: give a name, a weight for "
            "each task, or an object "
            "of torchjd.scalarization or torchjd.aggregation."
        )
    if set(weighting) != set(tasks) or not all(0 < w < float("inf") for w in weighting.values()):
        raise InputError(
            f"weighting {dict(weighting)} must give one weight above zero to each of "
            f"{', '.join(tasks)}."
        )
    return Constant(torch.tensor([float(weighting[name]) for name in tasks]))


def _named(weighting: str, n_tasks: int) -> Method:
    """Return the method of that name, made for so many tasks."""
    if weighting in NAMES:
        return UW(n_tasks) if weighting == "uncertainty" else Constant(torch.ones(n_tasks))
    name, *numbers = weighting.split(":")
    known = methods()
    kind = known.get(normalised_name(name))
    if kind is None:
        names = ", ".join([*NAMES, *(found.__name__ for found in known.values())])
        raise InputError(
            f"weighting {weighting!r} is not known: give a weight for each task, or one of {names}."
            + nearest(normalised_name(name), [*NAMES, *known])
        )
    values: dict[str, Any] = dict.fromkeys(needed(kind) & SIZES, n_tasks)
    wanted = sorted(needed(kind) - SIZES)
    try:
        with as_input_error(
            f"weighting {weighting!r} cannot be made",
            "give another number",
            (ValueError, TypeError),
        ):
            for key, number in zip(wanted, [*numbers, *"1" * len(wanted)], strict=False):
                values[key] = int(number) if number.isdigit() else float(number)
            method = kind(**values)
    except ImportError as fault:
        packages = " ".join(re.findall(r"'([\w-]+)'", str(fault)))
        raise InputError(
            f"weighting {weighting!r} needs a package that is not here: pip install {packages}"
        ) from fault
    if len(numbers) != len(wanted):
        example = ":".join([kind.__name__, *(str(values[key]) for key in wanted)])
        raise InputError(
            f"weighting {weighting!r} must give "
            f"{' and '.join(wanted) or 'no number'}: write {example!r}."
        )
    return method


def methods() -> dict[str, type[Method]]:
    """Return what torchjd has and a name is enough for, perhaps with a number: plain name -> class.

    A name that is in both of its rooms (Mean, Sum, Random) is the scalarizer: the same with one
    backward pass.

    >>> {"upgrad", "pcgrad", "mgda", "dwa", "famo"} <= set(methods()), "constant" in methods()
    (True, False)
    """
    kinds = [getattr(room, name) for room in (aggregation, scalarization) for name in room.__all__]
    kinds = [
        kind
        for kind in kinds
        if issubclass(kind, (Aggregator, Scalarizer)) and not inspect.isabstract(kind)
    ]
    return {normalised_name(kind.__name__): kind for kind in kinds if not needed(kind) & VECTORS}


def needed(kind: type[Method]) -> set[str]:
    """Return the arguments that a class cannot be made without.

    >>> needed(FAMO), needed(methods()["cagrad"]), needed(DWA)
    ({'shape'}, {'c'}, set())
    """
    return {a.name for a in inspect.signature(kind).parameters.values() if a.default is a.empty}


class Weigher:
    r"""The backward step of one training, for scalarizers and aggregators alike.

    With $g_i$ the gradient of task i's loss by the encoder's parameters, an aggregator $A$ gives
    the encoder $A(g_1, \dots, g_m)$, and each head gets the gradient of its own loss. This is
    exact: the gradients are those by the parameters, found one loss after the other, not those by
    the shared features.

    Args:
        weighting, tasks: see `make_weigher`.
        cosines: record $\cos(g_i, g_j)$ for each two tasks. It costs a backward pass a task.

    >>> from mtlkit.multitask import MultiTaskModel, SmallCNN
    >>> from mtlkit.multitask.tasks import Contrast, MutualInformation
    >>> model = MultiTaskModel(SmallCNN(), {"views": Contrast(), "groups": MutualInformation(5)})
    >>> weigher = Weigher("UPGrad", ["views", "groups"], cosines=True)
    >>> weigher.backward(model, model.losses(torch.rand(2, 6, 1, 8, 8), torch.arange(6))).shape
    torch.Size([2])
    >>> list(weigher.end_epoch())
    ['weight/views', 'weight/groups', 'cosine/views/groups']
    """

    def __init__(self, weighting: Weighting, tasks: Sequence[str], cosines: bool = False) -> None:
        self.method, self.tasks, self.cosines = make_weigher(weighting, tasks), list(tasks), cosines
        self._weights = torch.empty(0)  # of the last step
        self._seen: list[Tensor] = []  # m x m cosines of each step of this epoch

    def backward(self, model: MultiTaskModel, losses: Mapping[str, Tensor]) -> Tensor:
        """Leave a gradient in each parameter of the model and of the method; return the m losses,
        detached.

        Raises:
            InputError: a loss that the method cannot bear, or a number of tasks that it is not made
                for.
        """
        values = torch.stack(
            list(losses.values())
        ).cpu()  # a few numbers: the method need not know of devices
        check_losses(self.method, self.tasks, values)
        shared = [p for p in model.encoder.parameters() if p.requires_grad]
        if self.cosines or isinstance(self.method, Aggregator):
            rows = gradients(losses.values(), shared)  # m x n
        if self.cosines:
            unit = functional.normalize(rows, dim=1)
            self._seen.append(unit @ unit.T)
        what = f"weighting by {type(self.method).__name__} does not work for {len(values)} tasks"
        with as_input_error(
            what, "choose another, or other tasks", (ValueError,)
        ):  # Krum with too few, another Constant
            if isinstance(self.method, Scalarizer):
                values.retain_grad()
                self.method(values).backward()
                self._weights = torch.zeros_like(values) if values.grad is None else values.grad
                return values.detach()
            with torch.no_grad():
                if isinstance(self.method, WeightedAggregator):
                    self._weights = self.method.weighting(rows)
                step = self._weights @ rows if len(self._weights) else self.method(rows)  # n
        for parameter, part in zip(shared, step.split([p.numel() for p in shared]), strict=True):
            parameter.grad = torch.empty_like(parameter).copy_(
                part.view_as(parameter)
            )  # laid out as the parameter is
        if own := [p for p in model.heads.parameters() if p.requires_grad]:
            torch.autograd.backward(list(losses.values()), inputs=own)
        return values.detach()

    def state_dict(self) -> dict[str, Any]:
        """Return what the method has learnt and what it remembers: torchjd keeps some of that in
        plain attributes, in buffers that are not there at first, or in an optimiser of its own."""
        kinds = (Tensor, list, int, float, type(None))
        return {
            name: {
                "plain": {
                    key: value for key, value in vars(module).items() if isinstance(value, kinds)
                },
                "buffers": dict(module.named_buffers(recurse=False)),
                "parameters": dict(module.named_parameters(recurse=False)),
                "own": {
                    key: value.state_dict()
                    for key, value in vars(module).items()
                    if isinstance(value, Optimizer)
                },
            }
            for name, module in self.method.named_modules()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`."""
        for name, module in self.method.named_modules():
            vars(module).update(state[name]["plain"])
            for key, value in state[name]["buffers"].items():
                module.register_buffer(key, value)
            for key, value in state[name]["parameters"].items():
                module.get_parameter(key).data.copy_(value)  # in place: the optimiser holds it
            for key, value in state[name]["own"].items():
                vars(module)[key] = Adam(
                    module.parameters(recurse=False)
                )  # as FAMO makes it at its first step
                vars(module)[key].load_state_dict(value)

    def after_step(self, losses_again: Callable[[], Mapping[str, Tensor]]) -> None:
        """Let FAMO, and no other method, see what the optimiser's step did to the losses of the
        same batch.
        """
        if isinstance(self.method, FAMO):
            with torch.no_grad():
                self.method.update(torch.stack(list(losses_again().values())))

    def end_epoch(self) -> dict[str, float]:
        """Return the history's columns: `weight/NAME` as in the last step (how much of each task's
        gradient was in the encoder's; none for an aggregator that does not weigh), and
        `cosine/NAME/NAME`, the epoch's mean."""
        if isinstance(self.method, DWA):
            self.method.step()
        row = {
            f"weight/{name}": w for name, w in zip(self.tasks, self._weights.tolist(), strict=False)
        }
        if self._seen:
            mean, names = torch.stack(self._seen).mean(0).tolist(), enumerate(self.tasks)
            row |= {f"cosine/{a}/{b}": mean[i][j] for (i, a), (j, b) in combinations(names, 2)}
            self._seen.clear()
        return row


def gradients(losses: Iterable[Tensor], parameters: Sequence[Tensor]) -> Tensor:
    """Return the gradient of each of m losses by all n numbers of the parameters, m x n; zero where
    one has no part.
    """
    if not parameters:
        raise InputError(
            "the encoder has nothing to learn: weigh the losses, as with weighting='equal'."
        )
    rows = [
        torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
        for loss in losses
    ]
    return torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])


def check_losses(method: Method, tasks: Sequence[str], losses: Tensor) -> None:
    """Raise `InputError` for a loss that is lower than the method can bear: below zero for those
    that divide by losses, take their logarithm or learn their scale; zero, too, for the geometric
    mean; below `min_losses` for FAMO."""
    least = (
        method.min_losses
        if isinstance(method, FAMO)
        else 1e-30
        if isinstance(method, GeometricMean)
        else 0
    )
    if isinstance(method, POSITIVE) and (losses < least).any():
        worst = int((losses - least).argmin())
        what = f"{'negative' if losses[worst] < 0 else 'too low'} ({losses[worst].item():.3f})"
        raise InputError(
            f"the loss of task {tasks[worst]!r} is {what}, which weighting by "
            f"{type(method).__name__} "
            "cannot bear: shift the loss above zero, or use weighting='equal'."
        )
