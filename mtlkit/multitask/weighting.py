"""Weighting: how the tasks' losses become one step of the encoder. A thin face on torchjd."""

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam, Optimizer
from torchjd import aggregation, scalarization
from torchjd.aggregation import Aggregator, WeightedAggregator
from torchjd.scalarization import DWA, FAMO, IMTLL, UW, Constant, GeometricMean, Scalarizer

from mtlkit.errors import InputError, as_input_error, look_up, normalised_name
from mtlkit.multitask.model import MultiTaskModel

Method = Scalarizer | Aggregator
Weighting = str | Mapping[str, float] | Method
# A loss below zero gets from these a weight without end, the wrong sign, or NaN.
POSITIVE = (UW, IMTLL, GeometricMean, DWA, FAMO)
NUMBER_OF_TASKS = {"shape", "n_tasks"}  # the arguments of torchjd's classes that mean it
# What a method may remember in its attributes, buffers and parameters.
MEMORY = (Tensor, list, tuple, int, float, type(None), Optimizer)


def make_weigher(weighting: Weighting, tasks: Sequence[str]) -> Method:
    r"""Return the method that makes one step of the losses $L_i$, in the order of `tasks`.

    A scalarizer makes one loss of them, and costs one backward pass. An aggregator makes one
    gradient of the tasks' gradients, and costs a backward pass a task.

    Args:
        weighting: `"equal"`: $\sum_i L_i$; `{"views": 0.3, "descriptors": 1.0}`: $\sum_i w_i L_i$
            with fixed weights; `"uncertainty"`: $\sum_i \tfrac12 e^{-s_i} L_i + \tfrac12 s_i$,
            where each $s_i$ is learnt with the network; or the name of one of torchjd's (see
            `methods`), with capitals or without, as `"UPGrad"` or `"imtl-l"`; or an object of
            torchjd's, as `torchjd.aggregation.CAGrad(c=0.5)`, of which a copy is used.
        tasks: the tasks' names.

    Raises:
        InputError: an unknown name, a method that needs more than a name, a package that is
            missing, or weights that do not name each task once with a number above zero.

    Sources: Kendall, Gal, Cipolla 2018, "Multi-task learning using uncertainty to weigh losses";
        Quinton, Rey 2024, "Jacobian descent for multi-objective optimization" (torchjd, UPGrad).

    >>> losses = torch.tensor([2.0, 4.0])
    >>> float(make_weigher({"views": 0.5, "descriptors": 1.0}, ["views", "descriptors"])(losses))
    5.0
    >>> make_weigher("pc-grad", ["views", "descriptors"])
    PCGrad()
    """
    if isinstance(weighting, Method):
        return copy.deepcopy(weighting)  # it may learn: the same object must give the same again
    if isinstance(weighting, str):
        return _named(weighting, len(tasks))
    if not isinstance(weighting, Mapping):
        raise InputError(
            f"weighting is a {type(weighting).__name__}: give a name, a weight for each task, or "
            "an object of torchjd.scalarization or torchjd.aggregation."
        )
    weights = [float(weighting.get(name, 0)) for name in tasks]
    if len(weighting) != len(tasks) or not all(0 < weight < torch.inf for weight in weights):
        raise InputError(
            f"weighting {dict(weighting)} must give one weight above zero to each of "
            f"{', '.join(tasks)}."
        )
    return Constant(torch.tensor(weights))


def _named(weighting: str, n_tasks: int) -> Method:
    """Return the method of that name, made for so many tasks."""
    name = normalised_name(weighting)
    if name == "equal":
        return Constant(torch.ones(n_tasks))
    kind = look_up("weighting", name, {"equal": Constant, "uncertainty": UW} | methods())
    arguments = inspect.signature(kind).parameters.values()
    needed = [argument.name for argument in arguments if argument.default is argument.empty]
    if missing := [argument for argument in needed if argument not in NUMBER_OF_TASKS]:
        raise InputError(
            f"weighting {weighting!r} needs {' and '.join(missing)}: give an object, "
            f"{kind.__module__.rpartition('.')[0]}.{kind.__name__}({'=..., '.join(missing)}=...)."
        )
    with as_input_error(f"weighting {weighting!r} lacks a package", "install it", (ImportError,)):
        return kind(**dict.fromkeys(needed, n_tasks))


def methods() -> dict[str, type[Method]]:
    """Return torchjd's classes by their normalised names.

    Of two with one name (Mean, Sum, Random) it is the scalarizer: the same with one backward pass.

    >>> {"upgrad", "pcgrad", "mgda", "dwa", "famo", "constant"} <= set(methods())
    True
    """
    kinds = {}
    for module in (aggregation, scalarization):
        for name in module.__all__:
            kind = getattr(module, name)
            if issubclass(kind, Method) and not inspect.isabstract(kind):
                kinds[normalised_name(name)] = kind
    return kinds


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
        self.method = make_weigher(weighting, tasks)
        self.tasks = list(tasks)
        self.cosines = cosines
        self._weights = torch.empty(0)  # of the last step
        self._seen: list[Tensor] = []  # m x m cosines of each step of this epoch

    def backward(self, model: MultiTaskModel, losses: Mapping[str, Tensor]) -> Tensor:
        """Leave a gradient in each parameter of model and method; return the m losses, detached.

        Raises:
            InputError: a loss that the method cannot bear, or a number of tasks that it is not made
                for.
        """
        # A few numbers: the method need not know of devices.
        values = torch.stack(list(losses.values())).cpu()
        check_losses(self.method, self.tasks, values)
        shared = [p for p in model.encoder.parameters() if p.requires_grad]
        aggregates = isinstance(self.method, Aggregator)
        if self.cosines or aggregates:
            rows = gradients(losses.values(), shared)  # m x n
        if self.cosines:
            unit = functional.normalize(rows, dim=1)
            self._seen.append(unit @ unit.T)
        what = f"weighting by {type(self.method).__name__} does not work for {len(values)} tasks"
        # A ValueError: of Krum with too few tasks, or of Constant with another number of weights.
        with as_input_error(what, "choose another, or other tasks", (ValueError,)):
            if not aggregates:
                values.retain_grad()
                self.method(values).backward()
                self._weights = torch.zeros_like(values) if values.grad is None else values.grad
                return values.detach()
            step = self._aggregated(rows)
        for parameter, part in zip(shared, step.split([p.numel() for p in shared]), strict=True):
            gradient = torch.empty_like(parameter)  # laid out as the parameter is
            parameter.grad = gradient.copy_(part.view_as(parameter))
        if own := [p for p in model.heads.parameters() if p.requires_grad]:
            torch.autograd.backward(list(losses.values()), inputs=own)
        return values.detach()

    @torch.no_grad()
    def _aggregated(self, rows: Tensor) -> Tensor:
        """Return the encoder's gradient, n numbers, from those of the tasks, m x n."""
        if not isinstance(self.method, WeightedAggregator):
            return self.method(rows)
        self._weights = self.method.weighting(rows)
        return self._weights @ rows

    def state_dict(self) -> dict[str, Any]:
        """Return what the method has learnt and what it remembers.

        Torchjd keeps some of that in plain attributes, in buffers that are not there at first, or
        in an optimiser of its own.
        """
        return {name: _memory(module) for name, module in self.method.named_modules()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`."""
        for name, module in self.method.named_modules():
            for key, value in state[name].items():
                before = getattr(module, key)
                if isinstance(before, nn.Parameter):
                    before.data.copy_(value)  # in place: the optimiser holds it
                elif isinstance(value, dict):
                    module._optimizer = Adam(module.parameters())  # as FAMO does at its first step
                    module._optimizer.load_state_dict(value)
                else:
                    setattr(module, key, value)

    def after_step(self, losses_again: Callable[[], Mapping[str, Tensor]]) -> None:
        """Let FAMO, and no other, see what the step did to the losses of the same batch."""
        if isinstance(self.method, FAMO):
            with torch.no_grad():
                self.method.update(torch.stack(list(losses_again().values())))

    def end_epoch(self) -> dict[str, float]:
        """Return the history's columns: `weight/NAME` as in the last step (how much of each task's
        gradient was in the encoder's; none for an aggregator that does not weigh), and
        `cosine/NAME/NAME`, the epoch's mean."""
        if isinstance(self.method, DWA):
            self.method.step()
        weights = zip(self.tasks, self._weights.tolist(), strict=False)
        row = {f"weight/{name}": weight for name, weight in weights}
        if self._seen:
            mean = torch.stack(self._seen).mean(0)
            for i, j in combinations(range(len(self.tasks)), 2):
                row[f"cosine/{self.tasks[i]}/{self.tasks[j]}"] = mean[i, j].item()
            self._seen.clear()
        return row


def _memory(module: nn.Module) -> dict[str, Any]:
    """Return what a module itself may have learnt, by the names of its attributes."""
    attributes = vars(module) | module._buffers | module._parameters
    return {
        key: value.state_dict() if isinstance(value, Optimizer) else value
        for key, value in attributes.items()
        if isinstance(value, MEMORY)
    }


def gradients(losses: Iterable[Tensor], parameters: Sequence[Tensor]) -> Tensor:
    """Return the gradient of each of m losses by all n numbers of the parameters: m x n.

    It is zero where a loss does not depend on a parameter.
    """
    if not parameters:
        raise InputError(
            "the encoder has nothing to learn: weigh the losses, as with weighting='equal'."
        )
    rows = []
    for loss in losses:
        parts = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
        rows.append(torch.cat([part.flatten() for part in parts]))
    return torch.stack(rows)


def check_losses(method: Method, tasks: Sequence[str], losses: Tensor) -> None:
    """Raise `InputError` for a loss that is lower than the method can bear: below zero for those
    that divide by losses, take their logarithm or learn their scale; zero, too, for the geometric
    mean; below `min_losses` for FAMO."""
    if not isinstance(method, POSITIVE):
        return
    least: Tensor | float = 1e-30 if isinstance(method, GeometricMean) else 0.0
    if isinstance(method, FAMO):
        least = method.min_losses
    excess = losses - least
    worst = int(excess.argmin())
    if excess[worst] < 0:
        loss = losses[worst].item()
        raise InputError(
            f"the loss of task {tasks[worst]!r} is {'negative' if loss < 0 else 'too low'} "
            f"({loss:.3f}), which weighting by {type(method).__name__} cannot bear: shift the loss "
            "above zero, or use weighting='equal'."
        )
