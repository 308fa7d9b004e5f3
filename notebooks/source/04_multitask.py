# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] id="title"
# # 04 · Several tasks: what do they teach one network that one does not?
#
# Chapter 03 made labels out of nothing, and they were only as good as the features they were made from. So where
# do good features come from, if nobody tells the network what is in the images? From **tasks** that need no label.
# Each task asks something of every image, and to answer, the network has to find out what matters in it.
#
# This chapter builds such a network from parts, gives it several tasks at once, and asks whether that was a good
# idea. The answer is not a plain yes.
#
# **After this chapter you can**
#
# 1. *explain* why a view of an image is an assumption, and how contrast turns it into a task;
# 2. *compute* the loss of each task on a toy of two images;
# 3. *build* one network of an encoder and heads, and say what the tasks share;
# 4. *weigh* several losses against each other, and measure whether their gradients conflict;
# 5. *judge* from an ablation which task helps, which hurts, and when one is enough.
#
# **You need:** chapter 03, what a loss and a gradient are, and a little PyTorch. **Time:** 60 minutes of reading
# and trying; the code itself runs in under a minute on two cores. **Memory:** 1 GB. **Network:** none.

# %% id="imports"
import inspect

import numpy as np
import torch
from IPython.display import Markdown
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import NullFormatter
from skimage.util import montage
from sklearn.cluster import KMeans
from torch import nn
from torch.nn import functional
from torchjd.aggregation import MGDA, UPGrad
from torchjd.scalarization import UW

from mtlkit import course, load
from mtlkit.course import show
from mtlkit.errors import InputError
from mtlkit.evaluation import score, scoreboard
from mtlkit.multitask import Augmentation, MultiTaskModel, SmallCNN, fit
from mtlkit.multitask.balancing import Balancer, gradients
from mtlkit.multitask.tasks import Classification, Clustering, Contrast, MutualInformation, Regression
from mtlkit.multitask.training import seeded, steps_an_epoch
from mtlkit.preprocessing import describe

torch.set_num_threads(1)  # the quickest for images this small
BLUE, ORANGE, GREEN, RED, PINK, GREY = "#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#949494"

# %% [markdown] id="parameters-text"
# The next cell holds what you may change. The training that you watch is on three digits, and takes seconds.

# %% id="parameters" tags=["parameters"]
seed = 0  # 0 to 2147483638 — where chance starts
source = "digits:small"  # digits | digits:small — the images; the small set has the digits 0 to 2 alone
quick = True  # False repeats section 8 with two more seeds
balancing = "uncertainty"  # equal | uncertainty | UPGrad | PCGrad | MGDA | DWA — how section 5 weighs its two tasks
effort = 1.0  # 0.25 to 4 — length of each training

# %% id="check-parameters"
course.check_parameters("04", seed=seed, source=source, quick=quick, balancing=balancing, effort=effort)

# %% [markdown] id="views-text"
# ## 1 Two views of one image: an assumption
#
# Take an image, turn it a little, shift it, make it darker. Call the result a **view** of it. A view costs nothing,
# and no label is needed to know one thing about two views: they show *the same image*.
#
# But why should they also show the same *digit*? Because we chose changes that leave a digit what it is. That choice
# is an **augmentation**, and it is an assumption. Nothing in the images proves it.
#
# **Predict:** below are two rows of views. In which row would you still give each picture the name of the image at
# the left?

# %% id="views"
images = load(source)
pictures = torch.as_tensor(images.images)  # N x 1 x 8 x 8
n, k = len(images), images.n_clusters
gentle, wild = Augmentation(), Augmentation(rotation=180, flip=True)
some = pictures[np.random.default_rng(seed).choice(n, 64, replace=False)]
other = sum((some - some.flip(axes)).square().sum((1, 2, 3)) for axes in ([3], [2, 3]))  # mirrored, and upside down
shown = some[other.argmax()].expand(7, -1, -1, -1)  # the one of 64 that it changes most
figure = Figure(figsize=(8, 3), layout="constrained")
for row, (name, augment) in zip(figure.subplots(2, 8), {"gentle": gentle, "wild": wild}.items(), strict=True):
    drawn = torch.cat([shown[:1], augment(shown, torch.Generator().manual_seed(seed))])
    for axes, picture, title in zip(row, drawn, ["image", *["view"] * 7], strict=True):
        axes.imshow(picture[0], cmap="gray", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        axes.set_title(title, fontsize=9)
    row[0].set_ylabel(name, fontsize=10, weight="bold")
figure.suptitle("A view keeps the digit only if the changes are small enough", fontsize=12, weight="bold")
show(figure, "One digit and seven views of it in each of two rows: changed gently, and turned fully or mirrored.")

# %% [markdown] id="views-read"
# The upper row turns by at most 15°, shifts by at most 15 % of the side, scales by 20 %, and changes the light. The
# lower row turns as far as it likes, and mirrors. For a blood cell the lower row would do: a cell has no top. For a
# digit it may be wrong. Keep that in mind: section 10 puts it to the test.
#
# ## 2 Contrast: a task made of two views
#
# Draw two views of every image. Give the machine one view, and ask: **which of all the others is its partner?**
# How hard is this for someone who compares pixels? For each image we count how many **strangers**, views of other
# images, lie nearer to its first view than its partner does.

# %% id="rank"
generator = torch.Generator().manual_seed(seed + 99)  # these views are for measuring alone, never trained on
test_views = torch.stack([gentle(pictures, generator), gentle(pictures, generator)])  # 2 x N x 1 x 8 x 8


def strangers_nearer(points):
    """Return each image's share of strangers that are nearer than its partner: points 2N x D -> N."""
    first, second = functional.normalize(points, dim=1).chunk(2)
    likeness = first @ second.T  # N x N, partners on the diagonal
    return (likeness > likeness.diagonal()[:, None]).sum(1) / (n - 1)


in_pixels = strangers_nearer(test_views.flatten(0, 1).flatten(1)).median().item()
Markdown(
    f"By their pixels, **{in_pixels:.0%} of the {n - 1:,} strangers** lie nearer than the partner (the median over "
    f"the images). A guess by chance has 50 %."
)

# %% [markdown] id="contrast-text"
# Small changes that mean nothing to us mean much to pixels. A network can be trained to see it our way. It gives each
# of the $2B$ views of a batch a vector $z_i$ of length one. Let $j$ be the partner of $i$. The **contrast loss**
# (its name is NT-Xent) asks for the partner as if each of the other views were a class:
#
# $$L_\text{contrast} = -\frac{1}{2B} \sum_i \log \frac{\exp(z_i \cdot z_j / \tau)}{\sum_{m \ne i} \exp(z_i \cdot z_m / \tau)}$$
#
# The product $z_i \cdot z_m$ is the cosine of the angle between two vectors: 1 for the same direction, 0 for a right
# angle. The **temperature** $\tau$ says how much a small difference counts. The view itself, $m = i$, is left out.
# The partner stays in the sum below, too.
#
# At the smallest size: images $A$ and $B$, two views each, vectors in the plane, $\tau = 1$.
#
# | | view 1 | view 2 | partner's cosine | two strangers' | loss |
# |---|---|---|---|---|---|
# | solved | $A$ (1, 0), $B$ (0, 1) | $A$ (1, 0), $B$ (0, 1) | 1 | 0, 0 | $-\log \frac{e}{e + 1 + 1} = 0.55$ |
# | mixed up | $A$ (1, 0), $B$ (0, 1) | $A$ (0, 1), $B$ (1, 0) | 0 | 0, 1 | $-\log \frac{1}{1 + 1 + e} = 1.55$ |

# %% id="contrast-toy"
a, b = [1.0, 0.0], [0.0, 1.0]
none = torch.empty(2, 0)  # contrast has no targets
solved = Contrast(temperature=1).loss(torch.tensor([[a, b], [a, b]]), none).item()
mixed_up = Contrast(temperature=1).loss(torch.tensor([[a, b], [b, a]]), none).item()
sharper = Contrast(temperature=0.3).loss(torch.tensor([[a, b], [a, b]]), none).item()
Markdown(
    f"The library: solved **{solved:.2f}**, mixed up **{mixed_up:.2f}**. With τ = 0.3, as we shall use it, solved "
    f"has {sharper:.2f}: the partner's lead counts for more."
)

# %% [markdown] id="contrast-read"
# Nothing in the formula knows of digits. It knows two things: partners shall be near, strangers far. The first is our
# assumption of section 1. The second is an assumption, too, and a false one: many of the strangers are the *same digit*.
# It does less harm than one might fear, since strangers that look alike must share some of what the network can see.
#
# ## 3 Four more tasks, each on a toy of two images
#
# A **task** is three things: a **head** (a layer or two on the shared features), a target, and a loss.
#
# **Regression.** *What are the descriptors of the clean image?* The head sees a *view* and must tell the HOG of the
# image before it was changed. So it has to undo the change. With an error $e$ between head and target, the **smooth L1** loss is
# $e^2/2$ where $|e| < 1$ and $|e| - 1/2$ beyond: one far-off number cannot rule. Errors of 0.5 and 3:
# $(0.125 + 2.5)/2 = 1.31$.
#
# **Classification.** *Which label vector has this image?* With the head's shares $p$ and the label vector $q$ of
# chapter 03, the **cross-entropy** is $-\sum_k q_k \log p_k$. For $q = (0.7, 0.3)$ and an undecided
# $p = (0.5, 0.5)$ it is $\log 2 = 0.69$. The best that any head can do is $p = q$, and even that has 0.61.
#
# **Clustering.** *Which of many small groups is it in?* K-means finds five times as many groups as classes on the
# features, and the head learns them like classes. The loss is the same cross-entropy; each $q$ has a single 1.
#
# **Mutual information.** *Do both views fall into one group, and are all groups used?* No target at all: the groups are
# learnt. $P_{kk'}$ is how often group $k$ of one view meets group $k'$ of the other, $P_k$ how often group $k$ occurs:
#
# $$L_\text{groups} = \log K - \sum_{k, k'} P_{kk'} \log \frac{P_{kk'}}{P_k P_{k'}}$$
#
# Two images, two groups, and the head says (0.9, 0.1) to both views of one and (0.1, 0.9) to both of the other. Then
# $P$ has 0.41 on its diagonal and 0.09 beside it, every $P_k$ is 0.5, and
# $L = 0.69 - (0.82 \log 1.64 + 0.18 \log 0.36) = 0.69 - 0.22 = 0.47$.

# %% id="toys"
nearly = torch.tensor([[0.9, 0.1], [0.1, 0.9]]).log()  # two images, softmax gives the shares back
undecided, soft = torch.zeros(1, 1, 2), torch.tensor([[0.7, 0.3]])
both_groups = Clustering(np.array([[0.0, 1], [0, 1.1], [1, 0], [1.1, 0]]), n_groups=2)
values = {
    "regression": Regression([[0.0], [0.0]]).loss(torch.tensor([[[0.5], [3.0]]]), torch.zeros(2, 1)),
    "classification, undecided": Classification(soft).loss(undecided, soft),
    "classification, at its best": Classification(soft).loss(soft.log()[None], soft),
    "clustering, undecided": both_groups.loss(torch.zeros(1, 4, 2), both_groups.targets),
    "mutual information": MutualInformation(2).loss(torch.stack([nearly, nearly]), none),
}
Markdown("By the library: " + "; ".join(f"{name} **{value.item():.2f}**" for name, value in values.items()) + ".")

# %% id="loss-curves"
x = torch.linspace(0, 1, 61)
spread = torch.stack([(x * torch.pi).cos(), (x * torch.pi).sin()], 1)  # the second view of A turns away by 0 to 180°
fixed = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
contrast = [Contrast(0.3).loss(torch.stack([fixed, torch.stack([one, fixed[1]])]), none) for one in spread]
error = 4 * x - 2
smooth = [functional.smooth_l1_loss(e, torch.tensor(0.0)) for e in error]
share = x.clamp(0.02, 0.98)
entropy = {q: -(q * share.log() + (1 - q) * (1 - share).log()) for q in (1.0, 0.7)}


def groups_loss(second, s):
    """Return the loss when image 1 has (s, 1 - s), image 2 has it crossed over (`second`) or the same."""
    logits = torch.stack([torch.stack([s, 1 - s]), torch.stack([1 - s, s] if second else [s, 1 - s])]).log()
    return MutualInformation(2).loss(torch.stack([logits, logits]), none)


figure = Figure(figsize=(8, 5.4), layout="constrained")
(one, two), (three, four) = figure.subplots(2, 2)
one.plot(x * 180, contrast, color=BLUE)
one.set(title="contrast: rises as partners part", xlabel="angle between the two views of A, degrees", ylabel="loss")
two.plot(error, error**2 / 2, color=GREY, linestyle="--", label="squared error / 2")
two.plot(error, smooth, color=ORANGE, label="smooth L1")
two.set(title="regression: a far-off number cannot rule", xlabel="error e", ylabel="loss")
three.plot(share, entropy[1.0], color=GREEN, label="q = (1, 0)")
three.plot(share, entropy[0.7], color=GREEN, linestyle="--", label="q = (0.7, 0.3)")
three.set(title="classification: a soft label has no zero", xlabel="share p of the first class", ylabel="loss")
four.plot(share, [groups_loss(True, s) for s in share], color=PINK, label="two images in two groups")
four.plot(share, [groups_loss(False, s) for s in share], color=PINK, linestyle="--", label="both in one group")
four.set(title="mutual information: groups must differ", xlabel="share s of group 1 for image 1", ylabel="loss")
for axes in (two, three, four):
    axes.legend(fontsize=9, frameon=False)
figure.suptitle("Each loss has a lowest value and a scale of its own", fontsize=12, weight="bold")
show(
    figure,
    "Four curves: contrast over angle, smooth L1 over error, cross-entropy over share, mutual information over share.",
)

# %% [markdown] id="loss-curves-read"
# Look at the vertical axes. The losses are not in one unit, and they do not end at one value. A soft label
# keeps classification above zero for ever; contrast starts near $\log(2B - 1)$, the loss of a guess, which is 4.8 for $B = 64$; mutual information can never
# exceed $\log K$. A number like "total loss 3.4" says little. Section 6 comes back to that.
#
# ## 4 One network, built from parts
#
# **Predict:** contrast and regression shall be learnt "together". Are these two networks, trained side by side? How
# many of the numbers that are learnt do the two tasks have in common: none, a quarter, half, or most?

# %% id="guess-shared"
my_shared = None  # a share from 0 to 1

# %% [markdown] id="encoder-text"
# It is one. First the **encoder**: three convolutions, each of which sees more of the image than the one before, and
# one linear layer. It turns an image into 128 numbers, the **shared features**.

# %% id="encoder"
torch.manual_seed(seed)
encoder = nn.Sequential(
    nn.Conv2d(1, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2),  # 8 x 8 -> 4 x 4
    nn.Conv2d(24, 48, 3, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU(), nn.MaxPool2d(2),  # -> 2 x 2
    nn.Conv2d(48, 96, 3, padding=1, bias=False), nn.BatchNorm2d(96), nn.ReLU(),
    nn.Flatten(), nn.Linear(96 * 2 * 2, 128),
)  # fmt: skip
descriptors = describe(images.images)  # N x D: HOG, each column standardised
heads = nn.ModuleDict(
    {
        "views": nn.Sequential(nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 64)),
        "shape": nn.Linear(128, descriptors.shape[1]),
    }
)

# %% [markdown] id="forward-text"
# Then the **heads**, one a task. A head is small on purpose: what the tasks have to find out is to be in the features,
# for all of them. And the way through, on two views of a batch: the encoder runs *once*, every head gets the same
# features, and every task gets its loss.

# %% id="forward"
tasks = {"views": Contrast(), "shape": Regression(descriptors)}
rows = torch.arange(64)  # a batch: which images
views = test_views[:, rows]  # 2 x 64 x 1 x 8 x 8
features = encoder(views.flatten(0, 1)).unflatten(0, (2, -1))  # 2 x 64 x 128: once for all tasks
losses = {name: tasks[name].batch_loss(head(features), rows) for name, head in heads.items()}
Markdown("; ".join(f"loss of `{name}` {loss.item():.2f}" for name, loss in losses.items()) + ", untrained.")

# %% [markdown] id="gradient-text"
# How do the tasks teach the encoder? By their gradients. Let $g_1$ be the gradient of the first loss by all the numbers
# of the encoder, and $g_2$ that of the second. The gradient of $L_1 + L_2$ is $g_1 + g_2$: both tasks pull at the
# same numbers. A head is pulled by its own task only.

# %% id="gradient"
shared = list(encoder.parameters())
pulls = gradients(losses.values(), shared)  # 2 x n: one row a task
together_pull = gradients([losses["views"] + losses["shape"]], shared)[0]
foreign = torch.autograd.grad(losses["views"], heads["shape"].parameters(), retain_graph=True, allow_unused=True)

# %% [markdown] id="library-text"
# In the library it is `MultiTaskModel`. Its `forward` is short enough to be shown whole. Given the same weights, it must
# say the same as ours:

# %% id="library"
model = MultiTaskModel(SmallCNN(), tasks)
model.encoder.layers.load_state_dict(encoder.state_dict())
model.heads.load_state_dict(heads.state_dict())
same = all(torch.allclose(model(views)[name], head(features), atol=1e-4) for name, head in heads.items())
Markdown(f"```python\n{inspect.getsource(MultiTaskModel.forward)}```")

# %% id="claims-network" tags=["nbval-check-output"]
print("The gradient of the sum is the sum of the gradients:", torch.allclose(pulls.sum(0), together_pull, atol=1e-4))
print("Contrast moves nothing in the head of regression:", foreign == (None, None))
print("The library's network says the same as ours:", same)

# %% id="network" jupyter={"outputs_hidden": true}
size = {name: sum(p.numel() for p in part.parameters()) for name, part in [("encoder", encoder), *heads.items()]}
part_shared = size["encoder"] / sum(size.values())
figure = Figure(figsize=(8, 3.3), layout="constrained")
axes = figure.subplots()
boxes = [(0, 1, "two views\nof a batch", GREY), (2.6, 1, f"encoder\n{size['encoder']:,} numbers\n→ 128 features", BLUE),
         (5.6, 1.9, f"head “views”\n{size['views']:,} numbers", GREEN),
         (5.6, 0.1, f"head “shape”\n{size['shape']:,} numbers", ORANGE)]  # fmt: skip
for left, bottom, text, colour in boxes:
    axes.add_patch(FancyBboxPatch((left, bottom), 1.6, 0.8, "round,pad=0.1", facecolor="white", edgecolor=colour, lw=2))
    axes.text(left + 0.8, bottom + 0.4, text, ha="center", va="center", fontsize=10)
for left, name in ((5.6, "contrast loss"), (5.6, "regression loss")):
    height = 2.3 if name[0] == "c" else 0.5
    axes.annotate(name, (left + 1.75, height), (8.3, height), va="center", fontsize=10, arrowprops={"arrowstyle": "<-"})
    axes.annotate("", (5.45, height), (4.35, 1.4), arrowprops={"arrowstyle": "->"})
axes.annotate("", (2.45, 1.4), (1.75, 1.4), arrowprops={"arrowstyle": "->"})
axes.set(xlim=(-0.3, 10.2), ylim=(-0.2, 3))
axes.set_axis_off()
figure.suptitle(f"One network: the tasks share {part_shared:.0%} of all that is learnt", fontsize=12, weight="bold")
show(figure, f"A diagram: one encoder that leads into two heads. {part_shared:.0%} of all numbers are in the encoder.")

# %% id="guess-shared-answer" jupyter={"outputs_hidden": true}
guess = f"You said {my_shared:.0%}. " if my_shared is not None else ""
Markdown(
    f"{guess}**{part_shared:.0%}** of the numbers are in the encoder, and both tasks pull at them. After the "
    f"training the heads can be thrown away: the features stay."
)

# %% [markdown] id="train-text"
# ## 5 Train one task, the other, and both
#
# `fit` is a loop over what you have seen: draw two views of each image of a batch, find the losses, weigh them, move.
# It is given images and nothing else. We train three networks from the same start: contrast alone, regression alone,
# both together.
#
# **Predict:** regression has no strangers and no partners in its loss. Can it learn to bring partners together?
# After each training we ask as in section 2, on views that no training saw: which share of the strangers lies nearer
# than the partner, in the *shared features*? Rank the three.

# %% id="train"
batch_size = 64
per_epoch = steps_an_epoch(n, batch_size)[0]
epochs = max(3, round(120 * effort / per_epoch))


def train(tasks, balancing="equal", start=seed, data=pictures, epochs=epochs, **more):
    """Return a fresh model, trained on `data`, and its history."""
    with seeded(start):
        model = MultiTaskModel(SmallCNN(), tasks)
    return model, fit(model, data, epochs=epochs, batch_size=batch_size, balancing=balancing, seed=start, **more)


def rank_of(model):
    """Return the median share of strangers nearer than the partner, in the shared features."""
    return strangers_nearer(model.features(test_views.flatten(0, 1))).median().item()


with seeded(seed):
    fresh = MultiTaskModel(SmallCNN(), tasks)
contrast_only, _ = train({"views": Contrast()})
regression_only, _ = train({"shape": Regression(descriptors)})
both, history = train(tasks, balancing, cosines=True)

# %% id="ranks" jupyter={"outputs_hidden": true}
ranks = {"pixels": in_pixels, "network, untrained": rank_of(fresh), "contrast alone": rank_of(contrast_only),
         "regression alone": rank_of(regression_only), f"both ({balancing})": rank_of(both)}  # fmt: skip


def rank_bars(ranks, title, alt, errors=None):
    """Show shares of nearer strangers as bars."""
    figure = Figure(figsize=(8, 0.9 + 0.42 * len(ranks)), layout="constrained")
    axes = figure.subplots()
    colours = [GREY if name.startswith(("pixels", "network")) else BLUE for name in ranks]
    bars = axes.barh(list(ranks), list(ranks.values()), xerr=errors, color=colours, height=0.62)
    axes.bar_label(bars, [f"{value:.1%}" for value in ranks.values()], padding=4, fontsize=9)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.15 * max(ranks.values())), xlabel="strangers nearer than the partner (share, median)")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=12, weight="bold")
    return show(figure, f"{alt} " + "; ".join(f"{name} {value:.1%}" for name, value in ranks.items()) + ".")


rank_bars(
    ranks,
    f"Either task brings partners together: from {in_pixels:.0%} to {max(list(ranks.values())[2:]):.1%} or less",
    "Bars of the share of strangers that are nearer than the partner, shorter is better.",
)

# %% [markdown] id="ranks-read"
# Regression can do it, too. It was asked for the HOG of the *clean* image, and both views have the same clean image. So
# both must lead to the same answer: it is a task about views in another dress. The three are close here, and one run
# each cannot order them. What differs is *how* the views come together. See for eight images how alike each first view
# is to each second view:

# %% id="matrices"
eight = test_views[:, torch.linspace(0, n - 1, 8).long()].flatten(0, 1)  # 16 views: partners 8 apart
spaces = {"pixels": eight.flatten(1), "contrast alone": contrast_only.features(eight),
          "regression alone": regression_only.features(eight), "both": both.features(eight)}  # fmt: skip
figure = Figure(figsize=(8, 2.7), layout="constrained")
for axes, (name, points) in zip(figure.subplots(1, 4), spaces.items(), strict=True):
    first, second = functional.normalize(points, dim=1).chunk(2)
    picture = axes.imshow(first @ second.T, cmap="cividis", vmin=-0.3, vmax=1)
    axes.set(xticks=range(8), yticks=range(8))
    axes.set_title(name, fontsize=10)
    axes.tick_params(labelsize=9)
figure.colorbar(picture, ax=figure.axes, label="cosine", shrink=0.8)
figure.supxlabel("second view of image", fontsize=9)
figure.supylabel("first view of image", fontsize=9)
figure.suptitle("In pixels all are alike; trained, partners and lookalikes stand out", fontsize=12, weight="bold")
show(
    figure,
    "Four tables of 8 by 8 cosines between views: bright all over for pixels, brightest on the diagonal once trained.",
)

# %% [markdown] id="scale-text"
# ## 6 The plain sum is not neutral
#
# Two losses, one step. The plain sum $L_1 + L_2$ looks fair. **Predict:** our regression takes the *mean* of the errors over
# all numbers of the HOG. Another library may take their *sum*. The images, the network and the question are the same.
# Does the step change?
#
# How much of the step does each task own? Its share of the pull: $w_i |g_i|$ over the sum of both, where $w_i$ is its
# weight and $|g_i|$ the length of its gradient. We look at one batch of the untrained network, with the mean and with
# the sum, and weigh it in four ways:
#
# - **equal**: $w_i = 1$, the plain sum.
# - **uncertainty**: $w_i = 1 / (2 L_i)$. That is where uncertainty weighting comes to rest; it is built below.
# - **UPGrad** and **MGDA** look at the gradients. Section 7 explains the first. The second takes the *shortest* gradient
#   that a mixture of the two can give.

# %% id="shares" jupyter={"outputs_hidden": true}
values = fresh.losses(views, rows)
pull = gradients(values.values(), list(fresh.encoder.parameters()))  # 2 x n
values, owned = torch.stack(list(values.values())).detach(), {}
for how, factor in (("mean", 1), ("sum", descriptors.shape[1])):
    scale = torch.tensor([1.0, factor])
    g = scale[:, None] * pull
    weights = {"equal": torch.ones(2), "uncertainty": 0.5 / (scale * values),
               "UPGrad": UPGrad().weighting(g), "MGDA": MGDA().weighting(g)}  # fmt: skip
    for name, weight in weights.items():
        part = weight * g.norm(dim=1)
        owned[name, how] = (part[1] / part.sum()).item()
figure = Figure(figsize=(8, 3.6), layout="constrained")
axes = figure.subplots()
owned = {key: owned[key] for name in weights for key in ((name, "mean"), (name, "sum"))}
names = [f"{name}, {how}" for name, how in owned]
axes.barh(names, list(owned.values()), color=ORANGE, hatch="//", edgecolor="white", label="regression")
axes.barh(names, [1 - s for s in owned.values()], left=list(owned.values()), color=BLUE, label="contrast")
box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
for place, s in enumerate(owned.values()):
    axes.text(min(max(s, 0.03), 0.97), place, f"{s:.0%}", ha="center", va="center", fontsize=9, weight="bold", bbox=box)
axes.axvline(0.5, color="black", linestyle=":", linewidth=1)
axes.invert_yaxis()
axes.set(xlim=(0, 1), xlabel="share of the pull on the encoder")
axes.legend(loc="upper center", bbox_to_anchor=(0.4, 1.14), ncols=2, fontsize=9, frameon=False)
title = f"Sum in place of mean takes regression from {owned['equal', 'mean']:.0%} to {owned['equal', 'sum']:.0%} of a plain step"
figure.suptitle(title, fontsize=12, weight="bold")
show(figure, f"Bars of each task's share of the step under four ways of balancing, for a mean and a sum. {title}.")

# %% id="shares-read" jupyter={"outputs_hidden": true}
moves = {name: owned[name, "sum"] - owned[name, "mean"] for name in weights}
steady = min(moves, key=lambda name: abs(moves[name]))
mended = (
    "mends a conflict, not the lengths"
    if pull[0] @ pull[1] < 0
    else "sees no conflict in this batch, and takes the mean"
)
Markdown(
    f"The loss of `shape` goes from {values[1]:.2f} to {values[1] * descriptors.shape[1]:.0f}, and with it its share of a "
    "plain step: the largest gradient rules. An unweighted sum *is* a weighting, by units. The share of regression moves by "
    + ", ".join(f"{move:+.0%} ({name})" for name, move in moves.items())
    + f". The steadiest is **{steady}**. UPGrad {mended}; MGDA gives more to the *shorter* gradient."
)

# %% [markdown] id="uncertainty-text"
# **Fixed weights** are one answer: `balancing={"views": 0.3, "shape": 1.0}`. Who sets them? Without labels there is
# nothing to set them by. **Uncertainty weighting** lets the network learn them. Each task gets one more number, $s_i$:
#
# $$L = \sum_i \tfrac12 e^{-s_i} L_i + \tfrac12 s_i$$
#
# A large $s_i$ means "this task is noisy, count it less"; the second term keeps all $s_i$ from growing for ever. Where
# does it come to rest? Where the derivative by $s_i$ is zero: $-\tfrac12 e^{-s_i} L_i + \tfrac12 = 0$. So
# $e^{-s_i} = 1/L_i$, and the weight is $\tfrac12 e^{-s_i} = 1/(2 L_i)$. Each weighted loss is then $\tfrac12$: units cancel.
#
# **Predict:** what happens to $s$ if a loss is *negative*, as the mutual information loss is in its paper, without the
# $\log K$? We hold the losses fixed and let the $s_i$ learn.

# %% id="uncertainty" jupyter={"outputs_hidden": true}


def weights_over_time(losses, steps=200):
    """Return the weights that uncertainty weighting gives to fixed losses, step by step."""
    method = UW(len(losses))
    optimizer, path = torch.optim.Adam(method.parameters(), lr=0.05), []
    for _ in range(steps):
        path.append((0.5 * (-method.log_var).exp()).tolist())
        optimizer.zero_grad()
        method(torch.tensor(losses)).backward()
        optimizer.step()
    return np.array(path)


good, bad = weights_over_time([4.0, 0.25]), weights_over_time([4.0, -0.5])
figure = Figure(figsize=(8, 3.4), layout="constrained")
left, right = figure.subplots(1, 2)
for axes, path, second in ((left, good, 0.25), (right, bad, -0.5)):
    for curve, loss, colour, style in zip(path.T, (4.0, second), (BLUE, ORANGE), ("-", "--"), strict=True):
        axes.plot(curve, color=colour, linestyle=style, label=f"loss {loss:g}: weight {curve[-1]:,.3g}")
        if loss > 0:
            axes.axhline(1 / (2 * loss), color=colour, linestyle=":", linewidth=1)
    axes.set(yscale="log", xlabel="step", ylabel="weight")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(fontsize=9, frameon=False)
left.set_yticks([0.125, 0.5, 2], ["0.125", "0.5", "2"])
left.set_title("both above zero: they rest at 1 / (2 L), dotted", fontsize=10)
right.set_title("one below zero: no rest", fontsize=10)
figure.suptitle("A negative loss runs off with the weights", fontsize=12, weight="bold")
show(figure, "Two panels: learnt weights that settle at one over twice the loss, and one that grows without end.")

# %% [markdown] id="negative-text"
# With $L_i < 0$ both terms push $s_i$ down, for ever: the task's weight doubles and doubles, and soon there is no other
# task. The library refuses such a loss, and it adds $\log K$ to the mutual information, which changes no gradient.

# %% id="negative"
try:
    Balancer("uncertainty", ["views", "groups"]).backward(
        both, {"views": torch.tensor(4.0), "groups": torch.tensor(-0.5)}
    )
except InputError as refused:
    answer = str(refused)
Markdown(f"> {answer}")

# %% id="weights-here"
last = history[-1]
lines = [
    f"`{name}`: the loss ended at {last[f'loss/{name}']:.2f}, its weight went from {history[0][f'weight/{name}']:.2f} to "
    f"{last[f'weight/{name}']:.2f}; uncertainty weighting would rest at {0.5 / last[f'loss/{name}']:.2f}"
    for name in tasks
]
Markdown(
    f"And in section 5, with `balancing={balancing!r}`, {len(history)} epochs of {per_epoch} steps:\n\n- "
    + "\n- ".join(lines)
    + "."
)

# %% [markdown] id="weights-limit"
# That is the limit of uncertainty weighting: the $s_i$ are learnt at the network's own learning rate. In a training as
# short as this they set out in the right direction and do not arrive. "It finds its own weights" needs long trainings.
#
# ## 7 When gradients conflict
#
# Weights change how *long* each pull is. They cannot change where it points. Two tasks **conflict** in a step when
# the angle between their gradients is more than 90°, so that $\cos(g_1, g_2) < 0$: what lowers one loss raises the other.
#
# At the smallest size, an encoder of two numbers: $g_1 = (1, 0)$ and $g_2 = (-2, 1)$. A step goes *against* the
# gradient $d$, and to first order lowers loss $i$ by $d \cdot g_i$ times the length of the step. The plain mean is
# $(-0.5, 0.5)$, and $d \cdot g_1 = -0.5$: the first loss **rises**.
#
# **UPGrad** does not allow that. It takes each gradient to the nearest one that harms no task, and then the mean:
#
# 1. $g_1 \cdot g_2 = -2$, a conflict. What $g_1$ has against $g_2$ is taken away:
#    $g_1 - \frac{g_1 \cdot g_2}{|g_2|^2} g_2 = (1, 0) + \frac25 (-2, 1) = (0.2, 0.4)$.
# 2. The same the other way round: $g_2 - \frac{g_1 \cdot g_2}{|g_1|^2} g_1 = (-2, 1) + 2\,(1, 0) = (0, 1)$.
# 3. Their mean: $d = (0.1, 0.7)$. Now $d \cdot g_1 = 0.1$ and $d \cdot g_2 = 0.5$: both losses fall.

# %% id="upgrad"
toy = torch.tensor([[1.0, 0.0], [-2.0, 1.0]])
found = UPGrad()(toy)
Markdown(
    f"The library: ({found[0]:.1f}, {found[1]:.1f}), and the losses fall by ({', '.join(f'{v:.1f}' for v in toy @ found)})."
)

# %% [markdown] id="explore-text"
# Now let the second loss be in another unit, so that $g_2 = c\,(-1, 1)$ beside $g_1 = (2, 0)$. Move $c$. In the shaded
# corner both losses fall. For which $c$ does the mean lie in it?

# %% id="explore"


def draw(c):
    """Draw two gradients, their mean and UPGrad's answer, and what a step along each does to both losses."""
    g = torch.tensor([[2.0, 0.0], [-c, c]])
    steps = {"mean": g.mean(0), "UPGrad": UPGrad()(g)}
    falls = {name: g @ functional.normalize(d, dim=0) / g.norm(dim=1) for name, d in steps.items()}
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.fill([0, 6, 0, 0], [0, 6, 6, 0], color=GREY, alpha=0.25, linewidth=0)
    arrows = {
        "g₁": (g[0], GREY),
        "g₂": (g[1], GREY),
        "mean": (steps["mean"], ORANGE),
        "UPGrad": (steps["UPGrad"], BLUE),
    }
    for name, (arrow, colour) in arrows.items():
        left.annotate("", arrow.tolist(), (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2})
        left.annotate(
            name, arrow.tolist(), xytext=(4, 4), textcoords="offset points", fontsize=10, color=colour, weight="bold"
        )
    left.set(xlim=(-4.6, 3), ylim=(-0.6, 4.6), xlabel="first number of the encoder", ylabel="second number")
    left.set_aspect("equal")
    left.set_title("shaded: both losses fall", fontsize=10)
    for shift, (name, fall), colour, hatch in zip((-0.2, 0.2), falls.items(), (ORANGE, BLUE), ("//", ""), strict=True):
        right.bar(np.arange(2) + shift, fall, 0.36, color=colour, hatch=hatch, edgecolor="white", label=name)
    right.axhline(0, color="black", linewidth=1)
    right.set(
        xticks=range(2), xticklabels=["loss 1", "loss 2"], ylim=(-1.05, 1.05), ylabel="how it falls (below 0: rises)"
    )
    right.legend(fontsize=9, frameon=False)
    rises = [str(i + 1) for i, fall in enumerate(falls["mean"]) if fall < -1e-4]
    said = f"loss {rises[0]} rises under the mean, not under UPGrad" if rises else "both losses fall either way"
    figure.suptitle(f"c = {c:g}: {said}", fontsize=12, weight="bold")
    return figure


course.explore(
    draw,
    "scale c of the second loss",
    0.25,
    1.5,
    4.0,
    0.25,
    "Two gradients at 135 degrees, their mean and UPGrad's answer.",
)

# %% [markdown] id="explore-read"
# For $c$ between 1 and 2 the plain mean happens to lie in the corner. Below 1 the first loss rules and the second rises;
# above 2 it is the other way round. UPGrad stays in the corner for all $c$. But look where in it: the larger loss still has
# the larger say. UPGrad settles *conflict*, not *scale*, as section 6 showed.
#
# **Predict:** how often do contrast and regression conflict in a real training? In most steps, in about half, in few?

# %% id="guess-conflict"
my_conflict = None  # a share of steps, from 0 to 1

# %% id="cosines" jupyter={"outputs_hidden": true}


def cosines_of(model, batches=16):
    """Return the cosine between the two tasks' gradients on so many random batches."""
    generator = torch.Generator().manual_seed(seed + 5)
    model.train()
    found = []
    for _ in range(batches):
        rows = torch.randperm(n, generator=generator)[:batch_size]
        batch = torch.stack([gentle(pictures[rows], generator), gentle(pictures[rows], generator)])
        pull = gradients(model.losses(batch, rows).values(), list(model.encoder.parameters()))
        found.append(functional.cosine_similarity(pull[0], pull[1], dim=0).item())
    model.eval()
    return np.array(found)


before, after = cosines_of(fresh), cosines_of(both)
mean_cosine = [row["cosine/views/shape"] for row in history]
conflict = {"untrained": (before < 0).mean(), "trained": (after < 0).mean()}
figure = Figure(figsize=(8, 3.4), layout="constrained")
axes = figure.subplots()
axes.plot(range(1, len(history) + 1), mean_cosine, color=BLUE, marker="o", label="mean of an epoch")
for place, values, marker in ((0, before, "D"), (len(history) + 1, after, "s")):
    axes.scatter(np.full(len(values), place), values, color=ORANGE, marker=marker, s=22, alpha=0.7)
axes.axhline(0, color="black", linewidth=1)
axes.text(len(history) / 2, -0.04, "below: the tasks conflict", ha="center", va="top", fontsize=9)
axes.set(xlabel="epoch; at the ends single batches, untrained and trained", ylabel="cos(g₁, g₂)")
axes.set_ylim(min(-0.2, before.min(), after.min()) - 0.03, max(*mean_cosine, *after, *before) + 0.05)
title = f"Single batches in conflict: {conflict['untrained']:.0%} untrained, {conflict['trained']:.0%} trained"
figure.suptitle(title, fontsize=12, weight="bold")
show(figure, f"A line of the mean cosine of two gradients over the epochs, with single batches at both ends. {title}.")

# %% id="cosines-read" jupyter={"outputs_hidden": true}
guess = f"You said {my_conflict:.0%}. " if my_conflict is not None else ""
angle = np.degrees(np.arccos(np.clip(np.mean(mean_cosine), -1, 1)))
Markdown(
    f"{guess}Over the training the mean cosine is **{np.mean(mean_cosine):+.2f}**, an angle of {angle:.0f}°; the lowest "
    f"epoch has {min(mean_cosine):+.2f}. These two tasks are "
    + ("no rivals: they pull nearly at right angles, a little the same way." if min(mean_cosine) > 0 else
       "near a right angle, and at times in conflict.")
)  # fmt: skip

# %% [markdown] id="price-text"
# Where there is little conflict, a method against conflict has little to do. It is not free either. A sum needs one
# backward pass; a gradient method needs one a task. Timed on three tasks, and stored:
#
# ```
# python benchmarks/step.py --balancing
# python benchmarks/step.py
# ```

# %% id="price"
cost, step = course.stored("balancing"), course.stored("step")
Markdown(
    "| balancing | ms a step | times equal |\n|---|---|---|\n"
    + "\n".join(f"| {way} | {ms:.1f} | {cost['ratios'][way]:.2f} |" for way, ms in cost["milliseconds"].items())
    + f"\n\nThe tasks themselves are cheap: with two of them, a whole step takes {step['ratio']:.2f} times the encoder's own "
    f'forward and backward pass. Others of torchjd\'s methods are a name away: `balancing="PCGrad"`, `"CAGrad:0.5"`, `"DWA"`.'
)

# %% [markdown] id="dice-text"
# ## 8 A task that cannot help
#
# More tasks, more knowledge? Here is one that knows nothing. We throw a die with ten faces for each image and let a
# third head learn the numbers, as if they were label vectors. There is nothing in an image that tells its number.
#
# **Predict:** (a) trained on dice *alone*, is the network better than pixels at finding the partner? (b) Beside the
# two good tasks, does dice hurt? (c) UPGrad harms no task. Does it notice that one of them is worthless, and leave it out?

# %% id="dice"
throws = np.eye(10, dtype=np.float32)[np.random.default_rng(seed).integers(10, size=n)]
seeds = [seed] if quick else [seed, seed + 1, seed + 2]
runs = {"two good tasks": [], "dice alone": [], "two and dice, equal": [], "two and dice, UPGrad": []}
for another in seeds:
    good_tasks = {"views": Contrast(), "shape": Regression(descriptors)}
    dice = {"dice": Classification(throws)}
    runs["two good tasks"].append(rank_of(train(good_tasks, start=another)[0]))
    runs["dice alone"].append(rank_of(train(dice, start=another)[0]))
    runs["two and dice, equal"].append(rank_of(train(good_tasks | dice, start=another)[0]))
    with_upgrad, upgrad_history = train(good_tasks | dice, "UPGrad", start=another, cosines=True)
    runs["two and dice, UPGrad"].append(rank_of(with_upgrad))

# %% id="dice-figure" jupyter={"outputs_hidden": true}
means = {"pixels": in_pixels} | {name: float(np.mean(found)) for name, found in runs.items()}
verb = "teach" if means["dice alone"] < in_pixels else "do not teach"
rank_bars(
    means,
    f"Even dice {verb}: {in_pixels:.0%} of strangers nearer in pixels, {means['dice alone']:.0%} after dice alone",
    f"Bars of the share of strangers nearer than the partner, mean of {len(seeds)} from one seed on, shorter is better.",
)

# %% id="dice-read" jupyter={"outputs_hidden": true}
end = upgrad_history[-1]
harm = means["two and dice, equal"] - means["two good tasks"]
floor = np.log(10)
Markdown(
    f"(a) Dice alone: {means['dice alone']:.1%} against {in_pixels:.1%} in pixels. (b) Beside the good tasks, dice "
    f"changed the share by {harm:+.2%}. (c) In UPGrad's last step the weights were "
    + ", ".join(f"{name} {end[f'weight/{name}']:.2f}" for name in ("views", "shape", "dice"))
    + f". The loss of dice ended at {end['loss/dice']:.2f}; who only guesses has log 10 = {floor:.2f}. "
    f"Its cosine with contrast was {end['cosine/views/dice']:+.2f}."
)

# %% [markdown] id="dice-explain"
# Two surprises. The dice know nothing of digits, but **every view of an image gets the same number**. To learn it by heart,
# the network has to recognise the image under its changes. That is where the lesson was: in the views, not
# in the labels. And a useless task need not hurt: if its gradient is nearly at a right angle to the others, it
# wastes room and time.
#
# The third is none: a gradient method cannot save you from a useless task. It sees gradients. A gradient of nonsense looks
# like any other, and UPGrad *guarantees* that nonsense is not harmed. Which task is worth having has to be measured, and
# this measure, partners among strangers, is not the one we are after: classes are.
#
# ## 9 Which task helps? The ablation
#
# An **ablation** builds the whole up from its parts and scores each stage. On all ten digits, from contrast alone to the
# whole recipe; the features are turned into label vectors, in the two ways that assume groups of about one size ("equal") or of any
# size ("auto"); and once more on digits made imbalanced, ten to one. A row with a plus goes on from "contrast +
# regression" with one more head; "then classes in rounds" is the whole recipe, as in chapter 00. It takes longer than a
# reader should wait, so it is stored:
#
# ```
# python benchmarks/ablation.py --seeds 100-104
# ```
#
# **Predict:** write down which row wins in each of the three settings. Where does the one with the most tasks stand?

# %% id="ablation" jupyter={"outputs_hidden": true}
stored = course.stored("ablation")
SETTINGS = {
    "digits, equal": ("digits", "equal"),
    "digits, auto": ("digits", "auto"),
    "imbalanced, auto": ("imbalanced", "auto"),
}
table = {name: {} for name in SETTINGS}
for row in stored["rows"]:
    for name, setting in SETTINGS.items():
        if (row["images"], row["label vectors"]) == setting:
            short = "then classes in rounds" if row["tasks"].startswith("classification") else row["tasks"]
            table[name][short] = np.array(row["all"])
kinds = list(table["digits, equal"])
best = {name: max(found, key=lambda kind: found[kind].mean()) for name, found in table.items()}
figure = Figure(figsize=(8, 4), layout="constrained")
for axes, (name, found) in zip(figure.subplots(1, 3, sharey=True), table.items(), strict=True):
    for place, kind in enumerate(kinds):
        wins = kind == best[name]
        axes.plot([found[kind].min(), found[kind].max()], [place, place], color=BLUE if wins else GREY, linewidth=2)
        axes.scatter(found[kind], [place] * len(found[kind]), s=16, color=BLUE if wins else GREY)
        axes.scatter(found[kind].mean(), place, marker="D", s=46, color=BLUE if wins else "black", zorder=3)
        text = {"ha": "center", "fontsize": 9, "weight": "bold" if wins else "normal"}
        axes.text(found[kind].mean(), place - 0.22, f"{found[kind].mean():.3f}", **text)
    axes.set_title(name, fontsize=10)
    axes.set_xlabel("balanced accuracy")
    axes.margins(x=0.16)
    axes.spines[["top", "right"]].set_visible(False)
figure.axes[0].set(yticks=range(len(kinds)), yticklabels=kinds, ylim=(len(kinds) - 0.5, -0.6))
different = len(set(best.values()))
title = (
    f"The best row (blue, bold) is {'the same in all settings' if different == 1 else 'not the same in each setting'}"
)
figure.suptitle(f"{title}; diamonds: mean of {len(stored['seeds'])} seeds", fontsize=12, weight="bold")
listed = "; ".join(f"{name}: {kind}" for name, kind in best.items())
show(figure, f"Three panels of scores by tasks, one dot a seed, a diamond the mean. The best rows are {listed}.")

# %% [markdown] id="paired-text"
# Means alone mislead: the seeds differ more than the rows. So we compare **in pairs**, seed by seed. If a task made no
# difference, each pair would be a coin; five of five the same way has a chance of 2 in 32. We call a task
# *helpful* or *harmful* if **all** pairs say so, and else **not established**. That is a low bar, and five seeds
# allow no higher one.

# %% id="paired" jupyter={"outputs_hidden": true}
PAIRS = {"regression beside contrast": ("contrast + regression", "contrast alone"),
         "contrast beside regression": ("contrast + regression", "regression alone")}  # fmt: skip
PAIRS |= {f"{kind}, after both": (kind, "contrast + regression") for kind in kinds if kind.startswith(("+", "then"))}


def verdict(more, less):
    """Return what two rows of scores, seed by seed, say of the further task."""
    better = int((more > less).sum())
    word = "helps" if better == len(more) else "hurts" if (more < less).all() else "not established"
    return word, f"{(more - less).mean():+.3f}, better in {better} of {len(more)}: {word}"


verdicts = {
    (what, name): verdict(found[more], found[less])
    for what, (more, less) in PAIRS.items()
    for name, found in table.items()
}
lines = [f"| {what} | " + " | ".join(verdicts[what, name][1] for name in SETTINGS) + " |" for what in PAIRS]
Markdown("| what is added | " + " | ".join(SETTINGS) + " |\n|---|---|---|---|\n" + "\n".join(lines))

# %% id="findings" jupyter={"outputs_hidden": true}
singles = ("contrast alone", "regression alone")
lone = [
    f"{name}: *{one}* ({found[one].mean():.3f}) is ahead of "
    + ", ".join(f"*{kind}* ({found[kind].mean():.3f})" for kind in less)
    for name, found in table.items()
    for one in singles
    if (less := [kind for kind in kinds if kind not in singles and found[kind].mean() < found[one].mean()])
]
said = {
    word: [f"{what} ({name})" for (what, name), (found, _) in verdicts.items() if found == word]
    for word in ("helps", "hurts")
}
Markdown(
    f"- **Helps** in all pairs: {'; '.join(said['helps']) or 'nothing'}.\n"
    f"- **Hurts** in all pairs: {'; '.join(said['hurts']) or 'nothing'}.\n"
    f"- **Not established**: {len(verdicts) - len(said['helps']) - len(said['hurts'])} of {len(verdicts)} comparisons. "
    f"(By coins alone, about {len(verdicts) * 2 / 2 ** len(stored['seeds']):.0f} of {len(verdicts)} would look established.)\n"
    f"- **One task ahead of several** (by the mean):" + ("".join(f"\n    - {line}" for line in lone) or " nowhere.")
)

# %% [markdown] id="ablation-read"
# Read what stands there, not what one had hoped for. The figures are for *this* order, *these* lengths and *these* images.
# A head of groups, and the rounds, are trained *without* contrast beside them, so it may also be the absence of contrast that
# shows there. And the way in which classes are made of the features decides as much as the tasks do: compare the panels.
#
# How to choose, then? Start with **one task that you believe in**. Add one more, and keep it if it helps in pairs, on images
# for which you may look at labels. Every further task brings an assumption of its own.
#
# ### The scoreboard
#
# One more row: several tasks on one network, rounds off. It is the row "contrast + regression" above. These
# scores, and those of the others here, are over **all** labels of digits, the same five seeds, and they are balanced accuracy:
# the stored ablation holds neither NMI nor scores of one half, as the board of the other chapters has them.

# %% id="board"
rows_before = {(row["method"], row["variant"]): row for row in course.stored("digits")["rows"]}
bars = []
for method, variant in (("k-means", "pixels"), ("k-means", "HOG"), ("Ward", "HOG")):
    row = rows_before[method, variant]
    kept = np.array(row["balanced_accuracy"]["all"])[[row["seeds"].index(s) for s in stored["seeds"]]]
    bars.append({"name": f"{method} on {variant}", "all": kept})
bars += [{"name": f"several tasks ({name.split(', ')[1]})", "all": table[name]["contrast + regression"], "highlight": True}
         for name in ("digits, auto", "digits, equal")]  # fmt: skip
for bar in bars:
    found = bar.pop("all")
    bar |= {"mean": float(found.mean()), "min": float(found.min()), "max": float(found.max())}
rival = max((bar for bar in bars if not bar.get("highlight")), key=lambda bar: bar["mean"])
auto, equal = bars[-2]["mean"], bars[-1]["mean"]
title = f"Several tasks {auto:.3f} and {equal:.3f}; {rival['name']} {rival['mean']:.3f}"
listed = "; ".join(f"{bar['name']} {bar['mean']:.3f}" for bar in bars)
board = scoreboard(bars, title=title)
board.axes[0].set_xlabel("balanced accuracy, all labels: the mean, and the range over five seeds")
show(board, f"Bars of balanced accuracy on digits with the range over five seeds: {listed}.")

# %% id="record"
course.record(strangers_in_pixels=in_pixels, strangers_both=rank_of(both), mean_cosine=float(np.mean(mean_cosine)),
              several_tasks_auto=auto, several_tasks_equal=equal)  # fmt: skip

# %% id="claims" tags=["nbval-check-output"]
print("Contrast brings partners together:", rank_of(contrast_only) < in_pixels / 2)
print("So does regression:", rank_of(regression_only) < in_pixels / 2)
print("Dice alone do so, too, and less well:", rank_of(both) < means["dice alone"] < in_pixels)
print("The two gradients are near a right angle, a little the same way:", 0 < np.mean(mean_cosine) < 0.5)
print(f"Several tasks, rounds off, stored: {auto:.2f} (auto), {equal:.2f} (equal)")

# %% [markdown] id="fails-text"
# ## 10 Where it fails
#
# All tasks of this chapter rest on views, and views on an assumption. Here it is broken on purpose. We take digits 6 and 9
# (of the half whose labels are open), and train contrast twice: once with turns of up to 15°, once with
# turns of up to 180°. Nothing else differs. Then k-means makes two groups of the features.
#
# **Predict:** the accuracy of each. Two groups by chance have about 0.5.

# %% id="six-nine"
whole = load("digits")
labels = np.where(np.arange(len(whole)) % 2 == 0, whole.open_labels(), -1)  # odd rows stay sealed
some = np.flatnonzero(np.isin(labels, [6, 9]))
six_nine, kind = torch.as_tensor(whole.images[some]), labels[some]


def two_groups(points):
    return KMeans(2, n_init=10, random_state=seed).fit_predict(points)


grouped = {"pixels": two_groups(six_nine.flatten(1).numpy())}
for turn in (15, 180):
    turned, _ = train({"views": Contrast()}, data=six_nine, epochs=max(30, round(50 * effort)),
                      augmentation=Augmentation(rotation=turn))  # fmt: skip
    grouped[f"turns up to {turn}°"] = two_groups(functional.normalize(turned.features(six_nine), dim=1).numpy())
right = {name: score(found, kind).accuracy for name, found in grouped.items()}

# %% id="six-nine-figure" jupyter={"outputs_hidden": true}
figure = Figure(figsize=(8, 3.4), layout="constrained")
for axes, name in zip(figure.subplots(1, 2), list(grouped)[1:], strict=True):
    found, random = grouped[name], np.random.default_rng(seed)
    tiles = [six_nine[random.permutation(np.flatnonzero(found == g))[:24], 0].numpy() for g in range(2)]
    tiles = [np.pad(tile, ((0, 24 - len(tile)), (0, 0), (0, 0))) for tile in tiles]
    sheets = [montage(tile, grid_shape=(3, 8), padding_width=1, fill=0.6) for tile in tiles]
    axes.imshow(np.concatenate([sheets[0], np.ones((4, sheets[0].shape[1])), sheets[1]]), cmap="gray")
    axes.set_yticks([sheets[0].shape[0] / 2, sheets[0].shape[0] * 1.5 + 4], ["group 0", "group 1"], fontsize=9)
    axes.set_xticks([])
    axes.set_title(f"{name}: accuracy {right[name]:.2f}", fontsize=10)
title = (
    f"Taught that turning changes nothing, it {'loses' if right['turns up to 180°'] < 0.8 else 'still tells'} 6 from 9"
)
title = title.replace("loses 6 from 9", "cannot tell 6 from 9")
figure.suptitle(title, fontsize=12, weight="bold")
show(figure, f"Members of two groups of sixes and nines, after gentle and after full turns. {title}.")

# %% id="six-nine-read" jupyter={"outputs_hidden": true}
worst = {name: min(found, key=lambda kind: found[kind].min()) for name, found in table.items()}
Markdown(
    f"Pixels alone have {right['pixels']:.2f}. With turns up to 15° it is **{right['turns up to 15°']:.2f}**, up to 180° "
    f"**{right['turns up to 180°']:.2f}**. A partner of a 6 looked like a 9, and the network learnt what it was told.\n\n"
    "It fails by bad luck, too. The worst seed of the ablation, and its tasks: "
    + "; ".join(f"{name} {table[name][one].min():.3f} (*{one}*)" for name, one in worst.items())
    + ". A mean of five hides that."
)

# %% [markdown] id="exercises"
# ## 11 Exercises
#
# ### Exercise 1 · compute · easy · objective 2
#
# A view has three others to be compared with: its partner at cosine 0.6, and two strangers at cosines 0.6 and 0. With
# $\tau = 0.3$, what is the contrast loss of this one view? (Natural logarithm.)
#
# *Hint:* which of the three stand in the sum below the fraction, and by what is each cosine divided first?

# %% id="exercise-1" tags=["solution"]
my_loss = None  # a number
### BEGIN SOLUTION
scaled = np.array([0.6, 0.6, 0.0]) / 0.3  # 2, 2, 0; the partner first
my_loss = -np.log(np.exp(scaled[0]) / np.exp(scaled).sum())  # log(2 + e^-2)
### END SOLUTION

# %% id="check-1" tags=["check"]
course.check("04-1", my_loss)

# %% [markdown] id="exercise-2-text"
# ### Exercise 2 · mend · medium · objective 3
#
# This function runs, all losses fall, and its author is pleased: "my network has learnt two tasks." It has not. Mend
# it: it returns the plain sum of the losses, and the encoder is to learn from **each** of them.
#
# ```python
# def total(encoder, heads, losses, images):
#     features = encoder(images)
#     result = losses["views"](heads["views"](features))
#     return result + losses["shape"](heads["shape"](features.detach()))
# ```
#
# *Hint:* a head alone can lower its loss. Which numbers does `shape` move here, and which does it not?


# %% id="exercise-2" tags=["solution"]
def my_total(encoder, heads, losses, images):
    """Return the sum of the losses: `losses[name]` takes what `heads[name]` says of the shared features."""
    ### BEGIN SOLUTION
    features = encoder(images)  # once, and not detached: every task teaches the encoder
    return sum(losses[name](head(features)) for name, head in heads.items())
    ### END SOLUTION


# %% id="check-2" tags=["check"]
course.check("04-2", my_total)

# %% [markdown] id="exercise-3-text"
# ### Exercise 3 · compute · medium · objective 4
#
# Two gradients: $g_1 = (3, 0)$ and $g_2 = (-1, 1)$. What does UPGrad make of them? By hand, as in section 7.
#
# *Hint:* what has $g_1$ against $g_2$? And after both are mended, are they added, or is their mean taken?

# %% id="exercise-3" tags=["solution"]
my_direction = None  # two numbers, such as [0.5, 0.5]
### BEGIN SOLUTION
# g1 · g2 = -3. (3, 0) + 3/2 (-1, 1) = (1.5, 1.5); (-1, 1) + 3/9 (3, 0) = (0, 1); their mean:
my_direction = UPGrad()(torch.tensor([[3.0, 0.0], [-1.0, 1.0]])).numpy()
### END SOLUTION

# %% id="check-3" tags=["check"]
course.check("04-3", my_direction)

# %% [markdown] id="exercise-4-text"
# ### Exercise 4 · predict · medium · objective 1
#
# Some signs differ only in which side they show: "keep left", "keep right". We imitate them: all digits 2 of the open
# half, and a mirrored copy of each. Contrast is trained without mirrored views, and with them (`flip=True`). Then
# k-means makes two groups. Predict both accuracies, before you run the cell.
#
# *Hint:* with `flip=True`, what is the partner of a 2? And what does a score of two groups have when a coin decides?

# %% id="exercise-4" tags=["solution"]
my_accuracies = None  # (without mirrored views, with them), such as (0.7, 0.8)
### BEGIN SOLUTION
# Without: the two kinds look different, and no view says otherwise. With: a 2 and its mirror image are partners, so that
# the features must not tell them apart, and the groups are left to chance.
my_accuracies = (0.98, 0.55)
### END SOLUTION

# %% id="measure-4" jupyter={"outputs_hidden": true}
twos = torch.as_tensor(whole.images[labels == 2])
pairs, side = torch.cat([twos, twos.flip(3)]), np.repeat([0, 1], len(twos))
measured = []
for flip in (False, True):
    seen, _ = train(
        {"views": Contrast()}, data=pairs, epochs=max(20, round(30 * effort)), augmentation=Augmentation(flip=flip)
    )
    measured.append(score(two_groups(functional.normalize(seen.features(pairs), dim=1).numpy()), side).accuracy)
Markdown(f"Accuracy without mirrored views **{measured[0]:.2f}**, with them **{measured[1]:.2f}**.")

# %% id="check-4" tags=["check"]
course.check("04-4", my_accuracies, measured=measured)

# %% [markdown] id="exercise-5-text"
# ### Exercise 5 · design · hard · objective 5
#
# Design a verdict: a function of two lists of scores, *with* a task and *without* it, the same seeds in the same order. It says
# "helps", "hurts" or "not established". The target: it must find a small gain that every seed shows, must not be
# taken in by a mean that a single unlucky seed decides, and must be as ready to say that a task hurts. Defend it with the next
# cell, which applies it to the ablation.
#
# *Hint:* what would change in your verdict if the worst run were thrown again? And what do two runs of one seed have in common?


# %% id="exercise-5" tags=["solution"]
def my_verdict(with_task, without):
    """Return "helps", "hurts" or "not established"."""
    ### BEGIN SOLUTION
    gain = np.asarray(with_task) - np.asarray(without)  # in pairs: what the seed does to both is taken out
    return "helps" if (gain > 0).all() else "hurts" if (gain < 0).all() else "not established"
    ### END SOLUTION


# %% id="try-5"
tried = {
    what: my_verdict(table["digits, equal"][more], table["digits, equal"][less]) for what, (more, less) in PAIRS.items()
}
Markdown("Digits, equal: " + "; ".join(f"{what}: **{word or 'not attempted'}**" for what, word in tried.items()) + ".")

# %% id="check-5" tags=["check"]
course.check("04-5", my_verdict)

# %% [markdown] id="answer-text"
# ## 12 Summary
#
# *What do several tasks teach one network that one does not?*

# %% id="answer"
gain = {
    name: found["contrast + regression"].mean() - max(found[one].mean() for one in singles)
    for name, found in table.items()
}
Markdown(
    "**It depends on what is done with the features.** Two tasks against the better single one, by the mean: "
    + ", ".join(f"{value:+.3f} ({name})" for name, value in gain.items())
    + ". What both tasks teach, that a view is the image, one can teach nearly alone. What a second adds has to be "
    "measured, in pairs."
)

# %% [markdown] id="summary"
# | objective | what you have seen |
# |---|---|
# | explain a view as an assumption | partners among strangers; 6 and 9, once turning means nothing |
# | compute each loss | two images by hand: contrast, smooth L1, cross-entropy, mutual information |
# | build one network | the encoder once, a small head a task; gradients add up in the encoder |
# | weigh losses, measure conflict | units rule a plain sum; weights rest at 1 / (2 L); cosines; UPGrad's corner |
# | judge tasks | the ablation in pairs: helps, hurts, or not established; dice |
#
# One thing was taken as given here: when to stop, which run to keep, and how to know, without labels, that it
# worked. Chapter 05 trains in rounds, sees training go wrong, and opens the second half of the labels, once.

# %% [markdown] id="references"
# ## 13 References
#
# - R. Caruana 1997, "Multitask learning", *Machine Learning* 28.
# - T. Chen, S. Kornblith, M. Norouzi, G. Hinton 2020, "A simple framework for contrastive learning of visual representations"
#   (SimCLR), *ICML*: the contrast loss.
# - X. Ji, J. F. Henriques, A. Vedaldi 2019, "Invariant information clustering for unsupervised image classification and
#   segmentation", *ICCV*: mutual information.
# - R. Girshick 2015, "Fast R-CNN", *ICCV*: the smooth L1 loss.
# - A. Kendall, Y. Gal, R. Cipolla 2018, "Multi-task learning using uncertainty to weigh losses for scene geometry and
#   semantics", *CVPR*.
# - T. Yu, S. Kumar, A. Gupta, S. Levine, K. Hausman, C. Finn 2020, "Gradient surgery for multi-task learning" (PCGrad),
#   *NeurIPS*.
# - O. Sener, V. Koltun 2018, "Multi-task learning as multi-objective optimization" (MGDA for networks), *NeurIPS*.
# - P. Quinton, V. Rey 2024, "Jacobian descent for multi-objective optimization" (UPGrad, torchjd), *arXiv*.
# - P. Bojanowski, A. Joulin 2017, "Unsupervised learning by predicting noise", *ICML*: targets that know nothing, at full size.
