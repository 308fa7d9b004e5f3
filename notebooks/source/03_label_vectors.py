# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] id="title"
# # 03 · Label vectors: can one make labels out of nothing?
#
# A network learns to classify from labels: thousands of pairs of an image and its name. Nobody has written any
# for us. In the chapter before, images became features, and alike images came near each other. Now we let those
# features *write the labels*. Some of them will be wrong. Then we give them to a network as
# if they were true, and look at what it learns.
#
# **After this chapter you can**
#
# 1. *build* soft label vectors from features, by hand and with the library;
# 2. *read* the entropy of a label vector: which mistakes it gives away, and which it hides;
# 3. *explain* why a pupil may know better than its teacher, and which mistakes it repeats;
# 4. *decide* by the images whether classes of equal size may be assumed, and say what it costs where they are not;
# 5. *make* features with pooling and fully connected layers that nobody trained, and compare them fairly.
#
# **You need:** Python, what a convolution is, and chapters 00 and 01 (k-means, matching groups
# with classes, NMI, balanced accuracy). **Time:** 50 minutes of reading and
# trying; the code itself runs in under a minute on two cores. **Memory:** 1 GB. **Network:** none.

# %% id="imports"
import numpy as np
import torch
from IPython.display import Markdown, display
from matplotlib.figure import Figure
from scipy import sparse
from scipy.special import entr, softmax
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from torch import nn

from mtlkit import course, load
from mtlkit.course import show
from mtlkit.evaluation import score, scoreboard
from mtlkit.multitask import Augmentation, MultiTaskModel, SmallCNN, TrainingOptions, fit
from mtlkit.multitask.tasks import Classification
from mtlkit.preprocessing import hog, standardise
from mtlkit.preprocessing.class_sizes import THRESHOLD, sized_vectors
from mtlkit.preprocessing.communities import community_vectors
from mtlkit.preprocessing.graphs import normalised_cut
from mtlkit.preprocessing.label_vectors import equal_size_vectors, kmeans_vectors, sinkhorn

# %% [markdown] id="parameters-text"
# The next cell holds what you may change. The figures in the text are computed, not typed.

# %% id="parameters" tags=["parameters"]
seed = 0  # 0 to 2147483638 — where chance starts
source = "digits"  # digits | digits:small | mnist — the images; the small set has the digits 0 to 2 alone
quick = True  # False draws more unbalanced sets in section 5 and more networks in section 6
features = "hog"  # hog | pixels — what the label vectors are made from
epochs = 20  # 2 to 40 — how long a pupil learns, in passes over its images
ratio = 10.0  # 1 to 20 — in section 5, how many times as large the largest class is as the smallest

# %% [markdown] id="load-text"
# ## 1 From groups to one-hot labels
#
# We load the images, and split what is known of them into two halves by row number. The labels of even rows are the
# **open half**: we shall look at them, but not before section 3. The others stay **sealed**, which means unread, until
# chapter 05, so that one honest test is left at the end. The images hide nothing, so label vectors are made from all.
#
# K-means gives each image the number of its nearest centre. A network has $K$ outputs, one a group, and a
# number is the wrong form for it: group 7 is not "more" than group 2. So the number becomes a row with a one in
# the place of the group and zeros elsewhere: a [**one-hot**](glossary.md#one-hot) label. With three groups, group 2 (counting
# from 0) becomes $(0, 0, 1)$.

# %% id="load"
course.check_parameters(
    "03", seed=seed, source=source, quick=quick, features=features, epochs=epochs, ratio=ratio
)
BLUE, ORANGE, GREEN, RED = "#0173b2", "#de8f05", "#029e73", "#d55e00"
images = load(source).first(2000)
k = images.n_clusters
# There tens of rows take turns: a copy may go 0 to 9, over and over.
turn = 10 if source == "mnist" else 1
# Rows of the open half.
even = np.array([int(path.rpartition("/")[2]) // turn % 2 == 0 for path in images.paths])
# N x D.
described = hog(images.images) if features == "hog" else images.images.reshape(len(images), -1)
k_means = KMeans(k, n_init=4, random_state=seed).fit(described)
groups = k_means.labels_  # N
one_hot = np.eye(k)[groups]  # N x K
Markdown(
    f"**{len(images):,} images**, {described.shape[1]} features each ({features}), {k} groups to find; "
    f"{even.sum():,} images in the open half. Image 0 is in group {groups[0]} of 0 to {k - 1}: "
    f"`{one_hot[0].astype(int).tolist()}`."
)

# %% [markdown] id="soft-text"
# ## 2 From one-hot to soft
#
# A one-hot label forgets something. An image that lies half-way between two centres gets the same kind of
# label as one that lies on top of its centre. A [**soft**](glossary.md#soft-label-vector) label vector keeps how near *every* centre is:
#
# $$q_{ik} = \frac{e^{-d_{ik}^2 / \tau}}{\sum_{j} e^{-d_{ij}^2 / \tau}}$$
#
# $d_{ik}$ is the distance of image $i$ from centre $k$. The squared distances are measured in units of the
# [**temperature**](glossary.md#temperature) $\tau$: here the mean squared distance of an image from its own centre.
#
# At the smallest size: one image, two centres, at squared distances 1 and 2. Before you look at the table,
# **predict**: what becomes of $q$ when $\tau$ is very small, and when it is very large?

# %% id="two-centres" jupyter={"outputs_hidden": true}
lines = ["| τ | q | entropy |", "|---|---|---|"]
for tau in (0.1, 1, 10):
    q = softmax(-np.array([1, 2]) / tau)
    lines.append(f"| {tau} | ({q[0]:.2f}, {q[1]:.2f}) | {entr(q).sum():.2f} |")
Markdown("\n".join(lines))

# %% [markdown] id="entropy-text"
# The last column measures how soft a vector is. The [**entropy**](glossary.md#entropy) of a label vector is
#
# $$H(q) = -\sum_k q_k \ln q_k$$
#
# with $0 \ln 0 = 0$. It is 0 for a one-hot label, which knows everything, and $\ln K$ where all shares are
# equal, which is to know nothing. By hand, for $\tau = 1$: $q = (0.73, 0.27)$, so
# $H = -(0.73 \times -0.31 + 0.27 \times -1.31) = 0.58$; the largest possible for two centres is
# $\ln 2 = 0.69$.
#
# (With $\ln$, the unit is called a nat.) Now the same for all images, in two lines, and against the library:

# %% id="by-hand"
squared = k_means.transform(described) ** 2  # N x K
tau = squared.min(axis=1).mean()
vectors = softmax(-squared / tau, axis=1)  # N x K
entropy = entr(vectors).sum(axis=1) / np.log(k)  # as a share of the largest possible
same = np.allclose(vectors, kmeans_vectors(described, k, seed), atol=1e-5)
print("Two lines by hand give what kmeans_vectors gives:", same)

# %% [markdown] id="explorer-text"
# How soft the vectors are depends on $\tau$. Move it: at the left they become one-hot, at the right they say
# nothing. The *winner never changes*. So $\tau$ cannot repair a wrong label; it decides how loudly it is said.

# %% id="explorer"
middle = np.argsort(entropy)[-len(images) // 4]  # softer than three in four


def draw_temperature(times):
    """Draw one image's label vector, and all entropies, at a multiple of tau."""
    soft = softmax(-squared / (times * tau), axis=1)
    shares = entr(soft).sum(axis=1) / np.log(k)
    figure = Figure(figsize=(8, 2.9), layout="constrained")
    picture, left, right = figure.subplots(1, 3, width_ratios=(1, 2, 2))
    picture.imshow(images.images[middle, 0], cmap="gray")
    picture.set_axis_off()
    left.bar(range(k), soft[middle], color=BLUE)
    left.set(ylim=(0, 1), xticks=range(k), xlabel="group (a number, not a name)", ylabel="share")
    right.hist(shares, bins=np.linspace(0, 1, 21), color=ORANGE, edgecolor="black")
    right.set(xlabel="entropy / ln K", ylabel="images")
    title = f"At {times:g} τ the vectors use {shares.mean():.0%} of the largest entropy"
    figure.suptitle(title, fontsize=12, weight="bold")
    return figure


course.explore(
    draw_temperature,
    "temperature, in multiples of τ",
    0.05,
    1.0,
    4.0,
    0.05,
    "An image, bars for its label vector, and a histogram of the entropies of all label vectors.",
)

# %% [markdown] id="wrong-text"
# ## 3 How wrong are they?
#
# **Predict**, before the labels of the open half are opened:
#
# 1. Which share of the label vectors has its largest entry in the right group? (Groups are matched with
#    classes first, as in chapter 01.)
# 2. Are the mistakes spread over all classes alike?
# 3. Are soft vectors more often wrong than sharp ones, or is the softness useless?

# %% id="open" jupyter={"outputs_hidden": true}
my_share_right = None  # a share from 0 to 1
my_spread = None  # "all alike", "a few classes"
my_softness = None  # "shows mistakes", "useless"
labels = images.open_labels()[even]  # the open half alone
result = score(groups[even], labels)
name_of = dict(zip(result.columns, result.classes, strict=False))
# The class that each image is taken for.
taught = np.array([name_of[group] for group in groups[even]])
wrong = taught != labels
worst, best = int(np.argmin(result.recalls)), int(np.argmax(result.recalls))
# What images of the worst class are taken for.
taken = np.bincount(taught[labels == worst], minlength=k)
other = max(set(range(k)) - {worst}, key=lambda c: taken[c])
Markdown(
    f"**{1 - wrong.mean():.1%} are right**, {wrong.sum()} of {len(labels)} are wrong"
    + (f" (you guessed {my_share_right:.0%} right). " if my_share_right is not None else ". ")
    + f"Of the {best}s {result.recalls[best]:.0%} are right, of the {worst}s {result.recalls[worst]:.0%}: "
    f"{taken[other]} of {taken.sum()} are taken for a {other}, and {np.sum(wrong & (taught == worst))} images of other "
    f"classes are taken for a {worst}."
)

# %% id="by-class" jupyter={"outputs_hidden": true}
figure = Figure(figsize=(8, 3.2), layout="constrained")
axes = figure.subplots()
half = np.array(result.recalls) < 0.5
axes.bar(np.flatnonzero(~half), np.array(result.recalls)[~half], color=BLUE)
axes.bar(
    np.flatnonzero(half), np.array(result.recalls)[half], color=RED, hatch="//", edgecolor="black"
)
axes.axhline(result.accuracy, color="0.2", linestyle="--", linewidth=1)
axes.text(
    1.01,
    result.accuracy,
    f"all: {result.accuracy:.2f}",
    transform=axes.get_yaxis_transform(),
    va="center",
)
for i, recall in enumerate(result.recalls):
    axes.text(i, recall + 0.02, f"{recall:.2f}", ha="center", fontsize=9)
axes.set(xticks=range(k), ylim=(0, 1.1), xlabel="class", ylabel="share labelled right")
title = f"{half.sum()} of {k} classes have more wrong labels than right ones"
figure.suptitle(title, fontsize=12, weight="bold")
listed = ", ".join(f"{i}: {recall:.2f}" for i, recall in enumerate(result.recalls))
show(figure, f"Bars of the share of each class that is labelled right ({listed}). {title}.")

# %% [markdown] id="clumps-text"
# These mistakes do not fall at random. K-means had $K$ centres to place. Where it spends two of them on one digit
# (two ways to write a 1, say), another digit has to go without: its images lie with its neighbours. And the second
# group of 1s must bear some name, too. The matching gives it the one that is left over, so those 1s are "taken for" a
# digit to which they have no likeness. Either way the mistakes come in **clumps**: many alike images with the same
# wrong label. Keep that in mind for section 4.
#
# And the softness? We sort the open half by entropy, cut it into fifths, and count mistakes.

# %% id="entropy-mistakes" jupyter={"outputs_hidden": true}
fifths = np.array_split(np.argsort(entropy[even], kind="stable"), 5)
rates = [wrong[rows].mean() for rows in fifths]
figure = Figure(figsize=(8, 3), layout="constrained")
axes = figure.subplots()
axes.bar(range(5), rates, color=ORANGE, edgecolor="black")
for i, rate in enumerate(rates):
    axes.text(i, 0.012, f"{rate:.0%}", ha="center", va="bottom")
axes.axhline(wrong.mean(), color="0.2", linestyle="--", linewidth=1)
axes.text(
    1.01,
    wrong.mean(),
    f"all: {wrong.mean():.0%}",
    transform=axes.get_yaxis_transform(),
    va="center",
)
axes.set(xticks=range(5), ylabel="share wrong", ylim=(0, max(rates) * 1.2 + 0.01))
axes.set_xticklabels(["the sharpest fifth", "second", "third", "fourth", "the softest fifth"])
sharp = wrong[np.concatenate(fifths[:2])].sum()
title = f"Wrong: {rates[0]:.0%} of the sharpest fifth, {rates[-1]:.0%} of the softest; {sharp} of {wrong.sum()} in the two sharpest"
figure.suptitle(title, fontsize=11, weight="bold")
show(figure, f"Bars of the share of wrong labels in five parts, ordered by entropy. {title}.")

# %% [markdown] id="pupil-text"
# Where a bar stands above the line, softness is a sign of a mistake: such images lie between centres. It is not a
# sure one, and the softest fifth need not be the worst. The mistakes of the sharpest fifths it does not give away at
# all: an image may be near its centre, and the centre be that of another class.
#
# ## 4 Can a pupil know better than its teacher?
#
# Now we train on these labels. Call the maker of the labels the **teacher**, here k-means, and the network that
# learns them the [**pupil**](glossary.md#pupil): a small convolutional network with $K$ outputs. It sees each image in two
# *augmented views*, changed copies (turned, shifted, slanted a little). Its loss is the **cross-entropy** with the
# label vector, $-\sum_k q_k \ln p_k$, where $p$ is the pupil's answer: small if $p$ is like $q$. (Chapter 04 builds all
# of this from parts.) It learns from the open half's images and the teacher's labels. The true labels give the groups
# their names, so that we can read the answers; the training would be the same with numbers.
#
# **Predict.** The teacher's labels are partly wrong, and the pupil has no other source. Measured against the
# truth, will it be worse than its teacher, the same, or better?

# %% id="pupil-train" jupyter={"outputs_hidden": true}
my_pupil = None  # "worse", "the same", "better"
pictures = torch.as_tensor(images.images[even])  # n x 1 x H x W
batch_size = min(128, len(pictures) // 7)  # seven steps or more a pass


def train(vectors, **settings):
    """Return a fresh network that has learnt to say these label vectors (n x K) of the open half."""
    torch.manual_seed(seed)
    model = MultiTaskModel(SmallCNN(*pictures.shape[1:3]), {"groups": Classification(vectors)})
    settings = {
        "epochs": epochs,
        "batch_size": batch_size,
        "weighting": "equal",
        "seed": seed,
    } | settings
    fit(model, pictures, **settings)
    return model


def answers(model):
    """Return the pupil's class for each image of the open half."""
    return model.predict(pictures, "groups").numpy().argmax(axis=1)


answer = answers(train(np.eye(k)[taught]))
pupil_wrong = answer != labels
mended, repeated = int((wrong & ~pupil_wrong).sum()), int((wrong & pupil_wrong).sum())
fresh = int((~wrong & pupil_wrong).sum())
verdict = (
    "better"
    if pupil_wrong.sum() < wrong.sum()
    else "the same"
    if pupil_wrong.sum() == wrong.sum()
    else "worse"
)
Markdown(
    f"Teacher: **{1 - wrong.mean():.1%}** right. Pupil: **{1 - pupil_wrong.mean():.1%}** right, which is *{verdict}*"
    + (f" (you said: {my_pupil}). " if my_pupil else ". ")
    + f"Of the teacher's {wrong.sum()} mistakes the pupil mended {mended} and repeated {repeated}; "
    f"its own: {fresh}."
)

# %% [markdown] id="scatter-text"
# The mistakes that a pupil repeats, it has learnt. Does it learn them because there are so *many*, or because of
# *how they lie*? An experiment: keep their number and change their places. We take the true labels of the open
# half and spoil exactly as many of them, at images drawn at random, each with another class, also at random. These
# mistakes are **scattered**. (This uses labels, to set up an experiment. It is no way to classify.)
#
# **Predict:** how good will a pupil of the scattered mistakes be? Write down a share in the cell.

# %% id="scatter-train" jupyter={"outputs_hidden": true}
my_scattered = None  # your prediction: a share from 0 to 1
random = np.random.default_rng(seed)
scattered = labels.copy()
spoilt = random.choice(len(labels), wrong.sum(), replace=False)
scattered[spoilt] = (scattered[spoilt] + random.integers(1, k, len(spoilt))) % k
scattered_answer = answers(train(np.eye(k)[scattered]))
pupil_right, scattered_right = 1 - pupil_wrong.mean(), (scattered_answer == labels).mean()
guessed = f" You guessed {my_scattered:.0%}." if my_scattered is not None else ""
Markdown(
    f"Labels right before: {(scattered == labels).mean():.1%}, as before. "
    f"The pupil of scattered mistakes: **{scattered_right:.1%}** right.{guessed}"
)

# %% [markdown] id="vote-text"
# ### Why
#
# At first a network gives very similar images one common answer $p$. Which $p$ makes the loss smallest? Take five alike
# images with label vectors $q_1 \dots q_5$. The sum of the cross-entropies is smallest at the **mean** of the vectors,
#
# $$p = \frac15 (q_1 + \dots + q_5).$$
#
# - One of five is wrong: $p = (0.8, 0.2)$. The winner is right, and right *for all five*: the wrong one was
#   outvoted.
# - All five are wrong, because they lie in one clump: $p = (0, 1)$. There is nobody to outvote them.
#
# So training is a vote among alike images.
#
# ### Limit: a pupil that studies too long
#
# The vote lasts as long as the pupil *has* to treat alike images alike. A network is large enough to learn each
# image by heart, with its wrong label. So we train once more on the scattered mistakes, without augmentation
# (each image looks the same every time) and for 30 passes. Two lines: how often it says what is **true**, and
# how often it says what it was **taught**. **Predict:** which line ends higher?

# %% id="memory" jupyter={"outputs_hidden": true}
curve = []
still = Augmentation(rotation=0, scale=0, shift=0, shear=0, gain=0, noise=0)


def remember(epoch, _):
    """Keep how the pupil's answers agree with the truth, and with what it is taught."""
    said = answers(model)
    curve.append(((said == labels).mean(), (said == scattered).mean()))


torch.manual_seed(seed)
model = MultiTaskModel(
    SmallCNN(*pictures.shape[1:3]), {"groups": Classification(np.eye(k)[scattered])}
)
how = {"epochs": 30, "batch_size": batch_size, "weighting": "equal", "seed": seed}
fit(model, pictures, **how, options=TrainingOptions(augmentation=still, on_epoch=remember))
true_line, taught_line = np.array(curve).T
peak = int(true_line.argmax())

figure = Figure(figsize=(8, 3.4), layout="constrained")
axes = figure.subplots()
passes = np.arange(1, 31)
axes.plot(passes, true_line, color=BLUE, marker="o", markersize=4)
axes.plot(passes, taught_line, color=RED, marker="s", markersize=4, linestyle="--")
ends = {
    "says what is true": (true_line[-1], BLUE),
    "says what it was taught": (taught_line[-1], RED),
}
for text, (height, colour) in ends.items():
    axes.text(31, height, f"{text}: {height:.2f}", color=colour, va="center")
axes.plot([1, 30], [(scattered == labels).mean()] * 2, color="0.2", linestyle=":", linewidth=1)
axes.text(20, (scattered == labels).mean() - 0.07, "its teacher", fontsize=9)
axes.set(
    xlim=(0, 46),
    ylim=(0, 1.05),
    xticks=range(0, 31, 5),
    xlabel="passes over the images",
    ylabel="share",
)
title = f"Learnt by heart: {true_line[peak]:.0%} true after {peak + 1} passes, {true_line[-1]:.0%} after 30"
figure.suptitle(title, fontsize=12, weight="bold")
show(
    figure,
    f"Two lines over 30 passes: agreement with the truth and with the wrong labels. {title}.",
)

# %% [markdown] id="memory-read"
# The pupil first learns what many images share, and what is particular to one image last. The dotted line is
# where its teacher stands: once everything is known by heart, that is where the pupil is back. Augmentation
# puts this off: no image comes twice in the same form. And without labels you do not see the upper line. That is one
# reason why chapter 05 is needed.
#
# ### Over several seeds
#
# These were single runs. K-means has good and bad luck, so its score moves with the seed, and with whether all images
# are grouped or the open half alone (as in sections 5 and 6). The stored result has five seeds for each number (digits,
# whatever `source` is above; pupils of all images, 10 passes), made by
#
# ```
# python benchmarks/course_03.py
# ```

# %% id="stored" jupyter={"outputs_hidden": true}
kept = course.stored("course-03")
looks = {
    "nobody": ("0.5", "s", "the teacher itself"),
    "hard": (ORANGE, "D", "pupil, one-hot labels"),
}
looks["soft"] = (BLUE, "o", "pupil, soft labels")
figure = Figure(figsize=(8, 3.8), layout="constrained")
axes = figure.subplots()
for i, row in enumerate(kept["pupils"]):
    for j, (kind, (colour, marker, text)) in enumerate(looks.items()):
        a = row[kind]["accuracy"]
        axes.plot([a["min"], a["max"]], [i + j * 0.22] * 2, color=colour, linewidth=2)
        axes.plot(
            a["mean"],
            i + j * 0.22,
            marker=marker,
            color=colour,
            markersize=8,
            label=None if i else text,
        )
        axes.text(
            1.01,
            i + j * 0.22,
            f"{a['mean']:.3f}",
            transform=axes.get_yaxis_transform(),
            va="center",
            color=colour,
        )
axes.set(
    yticks=np.arange(4) + 0.22, xlabel="accuracy on the open half: mean, and range over 5 seeds"
)
axes.set_yticklabels([row["teacher"] for row in kept["pupils"]])
axes.invert_yaxis()
figure.legend(loc="outside lower center", ncols=3, frameon=False)
gains = [
    row["soft"]["accuracy"]["mean"] - row["nobody"]["accuracy"]["mean"] for row in kept["pupils"]
]
title = f"Over four teachers, a pupil gains {min(gains):+.3f} to {max(gains):+.3f} on the mean of its teacher"
figure.suptitle(title, fontsize=12, weight="bold")
show(
    figure,
    f"Four teachers, each with two pupils: mean accuracy and range over five seeds. {title}.",
)

# %% id="stored-read" jupyter={"outputs_hidden": true}
pairs = [
    tuple(row[kind]["accuracy"]["all"] for kind in ("nobody", "soft", "hard"))
    for row in kept["pupils"]
]
ahead = sum(soft > own for own, softs, _ in pairs for own, soft in zip(own, softs, strict=True))
softer, harder = (
    sum(sign * (a - b) > 0 for _, softs, hards in pairs for a, b in zip(softs, hards, strict=True))
    for sign in (1, -1)
)
m = {name: one["mean"] for name, one in kept["mistakes"].items()}
by_class = (m["scattered"] - m["same table"]) / (m["scattered"] - m["clumped"])
# Seeds 0 to 4, all else as stored.
band = course.stored("bands")["chapters"]["03"]["pupil_accuracy"]
Markdown(
    f"- In **{ahead} of 20** runs the pupil (of soft labels) is ahead of its own teacher.\n"
    f"- Soft labels beat one-hot ones in {softer} of 20 runs, one-hot ones beat soft ones in {harder}: as *targets* soft "
    "vectors are no better. They serve to read doubt (section 3) and to move shares (section 5).\n"
    f"- How mistakes lie, {m['before']:.1%} of the labels right: the pupil of clumped mistakes has {m['clumped']:.1%}, of "
    f"scattered ones **{m['scattered']:.1%}**. In between, **{m['same table']:.1%}**, lies a third layout: each class keeps "
    f"its number of mistakes and the classes it is taken for, but which of its images are wrong is drawn at random. So about "
    f"{by_class:.0%} of the gap is that *whole classes* are mostly wrong, which no vote can mend; the rest is that *alike "
    f"images* are wrong together.\n"
    f"- The pupil of this chapter's stored settings: {band['min']:.1%} to {band['max']:.1%} with seeds 0 to "
    f"{len(band['all']) - 1} (`python benchmarks/bands.py 03`)."
)

# %% [markdown] id="sizes-text"
# ## 5 Balanced against unbalanced
#
# Clumps came from centres in the wrong places. One cure is to *assume* something more: that all classes have
# about the same size. Then no group may swallow two digits, as it would be twice too large. `equal_size_vectors`
# gives each group the same total: the shares in each of its columns sum to $N / K$.
#
# How? Begin with the table of $e^{-d^2/\tau}$, images by groups. Scale its columns to sum to $N/K$, then its
# rows to sum to one, and so on in turn. This is [**Sinkhorn's iteration**](glossary.md#sinkhorn-iteration). At the smallest size: four images on a
# line at 0, 1, 2 and 10, centres at 1 and 10, $\tau = 5$. The nearest centre gives groups of 3 and 1. **Predict:** which
# image will have to change its group if both groups must hold two?

# %% id="sinkhorn" jupyter={"outputs_hidden": true}
places, centres = np.array([0.0, 1, 2, 10]), np.array([1.0, 10])
distances = (places[:, None] - centres) ** 2  # 4 x 2
shares = sinkhorn(-distances / 5)
lines = ["| image at | nearest | first group | second group |", "|---|---|---|---|"]
for place, near, (first, second) in zip(places, distances.argmin(axis=1), shares, strict=True):
    lines.append(f"| {place:g} | {('first', 'second')[near]} | {first:.2f} | {second:.2f} |")
lines.append(f"| **sum** | | {shares[:, 0].sum():.2f} | {shares[:, 1].sum():.2f} |")
Markdown("\n".join(lines))

# %% [markdown] id="sizes-predict-text"
# The image at 2 moves, though it is eight times as near to the first centre: the assumption is stronger than the
# evidence. If the assumption is true, that is a help. If it is not?
#
# We draw sets from the open half whose class sizes fall from the largest to the smallest by the factor
# `ratio`. Three ways to make label vectors: the nearest centre (sizes fall as they may), equal sizes, and
# `community_vectors`, the library's way to assume nothing of sizes. That one links each image with its nearest neighbours,
# makes many small groups, and joins those with the most links between them, until $K$ are left. A large class is many small
# groups, so no size is assumed.
#
# **Predict:** under equal sizes, which class will be torn apart, the largest or the smallest?

# %% id="draws-run" jupyter={"outputs_hidden": true}
my_torn = None  # "the largest", "the smallest"
WAYS = {
    "nearest centre": kmeans_vectors,
    "equal sizes": equal_size_vectors,
    "sizes free": community_vectors,
}
open_features = described[even]
most = np.bincount(labels).min()
# From the largest class to the smallest.
sizes = np.geomspace(most, most / ratio, k).round().astype(int)


def unbalanced(draw, sizes=sizes):
    """Return the classes from large to small, and the rows of a set with such sizes."""
    random = np.random.default_rng(draw)
    order = random.permutation(k)
    rows = [
        random.choice(np.flatnonzero(labels == c), n, replace=False)
        for c, n in zip(order, sizes, strict=True)
    ]
    return order, np.concatenate(rows)


draws = [unbalanced(seed + i) for i in range(3 if quick else 6)]
uneven = {
    name: [
        (order, score(way(open_features[rows], k, seed).argmax(axis=1), labels[rows]))
        for order, rows in draws
    ]
    for name, way in WAYS.items()
}
balanced = {
    name: score(way(open_features, k, seed).argmax(axis=1), labels) for name, way in WAYS.items()
}
table = {
    name: (balanced[name].balanced_accuracy, [one.balanced_accuracy for _, one in uneven[name]])
    for name in WAYS
}
lines = [
    "| label vectors | the whole open half | unbalanced, mean | lowest | highest |",
    "|---|---|---|---|---|",
]
for name, (even_score, scores) in table.items():
    lines.append(
        f"| {name} | {even_score:.3f} | {np.mean(scores):.3f} | {min(scores):.3f} | {max(scores):.3f} |"
    )
top = max(table, key=lambda name: np.mean(table[name][1]))
said = f" You said that {my_torn} would be torn apart." if my_torn else ""
bound = min(1, sizes.sum() / k / sizes[0])
Markdown(
    f"Sizes of the classes: {', '.join(map(str, sizes))}. Balanced accuracy (every class counts alike):\n\n"
    + "\n".join(lines)
    + f"\n\nBest on the unbalanced draws: **{top}**. A group of {sizes.sum() / k:.0f} images, a share of 1 in {k}, holds at "
    f"most {bound:.0%} of a class of {sizes[0]}, however good the features are. (That counts shares; the largest shares alone may win a few images more.){said}"
)

# %% id="sizes-figure" jupyter={"outputs_hidden": true}
figure = Figure(figsize=(8, 3.8), layout="constrained")
axes = figure.subplots()
looks = {
    "nearest centre": ("0.5", "s", ":"),
    "equal sizes": (RED, "D", "--"),
    "sizes free": (BLUE, "o", "-"),
}
by_size = {}
for name, (colour, marker, line) in looks.items():
    by_size[name] = np.mean([np.array(one.recalls)[order] for order, one in uneven[name]], axis=0)
    axes.plot(range(k), by_size[name], color=colour, marker=marker, linestyle=line, label=name)
axes.set(
    xticks=range(k), ylim=(0, 1.05), ylabel=f"share labelled right, mean of {len(draws)} draws"
)
axes.set_xticklabels(sizes)
axes.set_xlabel("images in the class, from the largest to the smallest")
axes.legend(loc="lower left", frameon=False)
title = f"Sizes {ratio:g}:1: equal sizes get {by_size['equal sizes'][0]:.0%} of the largest class right, sizes free "
title += f"{by_size['sizes free'][0]:.0%}"
figure.suptitle(title, fontsize=11, weight="bold")
show(figure, f"Three lines of the share labelled right against class size. {title}.")

# %% [markdown] id="evidence-text"
# ### May you assume it? Ask the images
#
# Equal sizes are an *assumption that works like information*: compare the first column of the table, where classes are of
# about one size, with the second. The groups will not tell whether it holds: they look well balanced, because you asked for
# that. But the images have neighbours. If a group must be filled up with strangers, or a class be cut in two, then
# neighbours are torn apart, and that can be counted.
#
# At the smallest size: eight images on a line, at 0, 1, 2, ... in a left clump and 10, 11, ... in a right one. Link two
# images if they are at most 2 apart. Two groups are wanted, each of four. **Predict**: how many links are cut if the clumps hold 4
# and 4? And how many, at best, if they hold 6 and 2?

# %% id="evidence-smallest" jupyter={"outputs_hidden": true}
lines = ["| clumps | way | groups | links cut | normalised cut |", "|---|---|---|---|---|"]
for left, right in ((4, 4), (6, 2)):
    x = np.concatenate([np.arange(left), 10 + np.arange(right)])
    linked = np.triu(np.abs(x[:, None] - x) <= 2, 1)  # each pair once
    graph = sparse.csr_array((linked + linked.T).astype(float))
    for way, split in {"equal": np.arange(8) >= 4, "free": x >= 10}.items():
        cut = (linked & (split[:, None] != split)).sum()
        both = f"{(~split).sum()} and {split.sum()}"
        lines.append(
            f"| {left} and {right} | {way} | {both} | {cut} | {normalised_cut(graph, split.astype(int), 2):.2f} |"
        )
Markdown("\n".join(lines))

# %% [markdown] id="evidence-why"
# With 6 and 2, the line is cut behind the image at 3: the links 2–4, 3–4 and 3–5 go. What do they weigh? A small group with few
# links suffers more from each, so we ask which *share* of its links a group loses, and take the mean over the groups. This
# is the [**normalised cut**](glossary.md#normalised-cut):
#
# $$\text{cut} = \frac1K \sum_a \frac{\text{ends of links from group } a \text{ to other groups}}{\text{ends of all links at } a}$$
#
# By hand: the group of 0, 1, 2, 3 has 5 links inside, which are 10 ends, and 3 that go out: it loses $3/13$. The other one has 2
# inside (4–5 and the right clump's own), and loses $3/7$. The mean is $(0.23 + 0.43) / 2 = 0.33$; free sizes lose nothing.
#
# So here is the rule of `class_sizes="auto"`, the default: **make both partitions, and take equal sizes unless they cut more
# than the free ones do, by more than a threshold** (0.03, chosen on other images, see `benchmarks/development.py`). Why not the
# smaller cut? Because finding classes of unknown sizes is the harder task, and where equal sizes are true they are far
# more exact. This is the [**evidence for equal sizes**](glossary.md#evidence-for-equal-sizes).
#
# Now on digits, with sets whose sizes fall by different factors. `sized_vectors` of the library makes both partitions, from several
# starts, and measures both cuts; the decision is ours. **Predict:** in which set do the images speak against equal sizes? And
# is the decision always the better one?

# %% id="evidence-digits" jupyter={"outputs_hidden": true}
# Quicker than all of HOG.
main_parts = PCA(min(32, *open_features.shape), random_state=0).fit_transform(open_features)
lines = [
    "| set | images | cut, equal | cut, free | taken | balanced accuracy, equal | free |",
    "|---|---|---|---|---|---|---|",
]
good = small = 0  # how often the way taken, and the way of the smaller cut, is the better one
factors = {"the open half": 1, "1.25 : 1": 1.25, "4 : 1": 4, f"{ratio:g} : 1": ratio}
for name, factor in factors.items():
    fall = np.geomspace(most, most / factor, k).round().astype(int)
    rows = unbalanced(seed, fall)[1] if factor > 1 else np.arange(len(labels))
    equal, weighed = sized_vectors(
        main_parts[rows], main_parts[rows], k, seed, "equal", weights=(1.0,)
    )
    free = community_vectors(main_parts[rows], k, seed)
    hits = [
        score(vectors.argmax(axis=1), labels[rows]).balanced_accuracy for vectors in (equal, free)
    ]
    taken = int(weighed.equal_cut - weighed.free_cut > THRESHOLD)  # 0: equal, 1: free
    good += hits[taken] == max(hits)
    small += hits[int(weighed.free_cut < weighed.equal_cut)] == max(hits)
    told = [f"**{hit:.3f}**" if way == taken else f"{hit:.3f}" for way, hit in enumerate(hits)]
    cuts = f"{weighed.equal_cut:.3f} | {weighed.free_cut:.3f} | {('equal', 'free')[taken]}"
    lines.append(f"| {name} | {len(rows)} | {cuts} | {' | '.join(told)} |")
Markdown(
    "\n".join(lines)
    + f"\n\nIn bold: the way that the rule takes. It is the better one in {good} of {len(factors)} sets; the way "
    f"of the smaller cut would be in {small}."
)

# %% [markdown] id="untrained-text"
# Set by set you see what the decision was worth. The rule has three limits:
#
# - Sizes a little apart (1.25 : 1) cost equal sizes little, and hardly show in the links. There the decision hangs on the luck of
#   both partitions, and matters little unless one of them fails for reasons of its own.
# - The smaller cut need not be the better sorting. A partition that joins two digits that look alike, and spends the
#   spare group on a small clump, cuts few links and is poor. That is why equal sizes need not have the smaller cut. But a
#   poor free partition may look better to the graph by more than the threshold, too, and then it is taken.
# - Where a class has few images, its nearest neighbours are strangers, and no partition keeps its links. If the free partition
#   then cuts as many as the equal one, nothing speaks against equal sizes, however false they are. The witness is only as
#   good as the features: here they are HOG alone. The recipe asks the features that a network has learnt, with HOG beside
#   them, and asks again in each round. Chapter 05 shows what it found (section 6), and what that was worth on digits
#   made imbalanced (section 4).
#
# So the images can overrule the assumption, and they are a witness who may err. Where somebody knows how the images were
# collected, ask, and say `"equal"` or `"free"`. A set that was made to be balanced is one thing; what a hospital sees in
# a week is another. And at the right end of the last figure, see what becomes of the smallest classes: none of the three ways
# was made for them.
#
# ## 6 Features that nobody trained
#
# Label vectors can only be as good as the features below them. HOG was designed by people. Networks make
# features too, and one would think that they have to be trained first. Two kinds of layer:
#
# - [**Pooling**](glossary.md#pooling) replaces each square of a map by one number: its largest value (*max pooling*) or its mean
#   (*average pooling*).
# - A [**fully connected layer**](glossary.md#fully-connected-layer) mixes all inputs: $h = \max(0, W x + b)$. Untrained, $W$ and $b$ are drawn by
#   lot.
#
# At the smallest size, a stroke in a map of 4 × 4, 9 in the stroke and 0 elsewhere, pooled in squares of 2 × 2:
#
# | the stroke is in | each row of the map | a row after max pooling | after average pooling |
# |---|---|---|---|
# | column 0 | 9 0 0 0 | 9 0 | 4.5 0 |
# | column 1 | 0 9 0 0 | 9 0 | 4.5 0 |
# | column 2 | 0 0 9 0 | 0 9 | 0 4.5 |
#
# From column 1 to 0 nothing changes, as the stroke stays inside its squares. From column 1 to 2 all does: it crosses
# a border. Pooling forgives *some* shifts.
#
# Now a whole layer: 64 filters of 3 × 3 pixels whose weights are drawn at random, cut off below zero, pooled in
# squares of half the image's side. We group the open half's images by k-means. What makes the comparison fair?
# The same images and the same k-means for all; features standardised, and pixels both ways, as they are and
# standardised; and several draws, because one lucky draw proves nothing.
#
# **Predict** the order: pixels, a random fully connected layer, random filters with average pooling, random
# filters with max pooling.

# %% id="untrained"
side = pictures.shape[2]


def untrained(shown, kind, width=side // 2, draw=seed):
    """Return features of images n x C x H x W from layers that were drawn at random: n x D."""
    torch.manual_seed(draw)
    filters, mix = nn.Conv2d(shown.shape[1], 64, 3, padding=1), nn.Linear(shown[0].numel(), 1024)
    with torch.no_grad():
        if kind == "fully connected":
            return mix(shown.flatten(1)).relu().numpy()
        pool = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}[kind](width)
        return pool(filters(shown).relu()).flatten(1).numpy()


def group_score(x, draw=seed):
    """Return the scores of k-means on features n x D of the open half."""
    return score(KMeans(k, n_init=4, random_state=draw).fit_predict(x), labels)


# %% id="untrained-figure" jupyter={"outputs_hidden": true}
tries = range(seed, seed + (5 if quick else 10))
plain, strokes = pictures.flatten(1).numpy(), hog(pictures.numpy())
makers = {"pixels": lambda draw: plain, "pixels, standardised": lambda draw: standardise(plain)}
makers |= {"HOG": lambda draw: strokes}
layers = {
    "fully connected layer": "fully connected",
    "filters, average pooling": "average",
    "filters, max pooling": "max",
}
for name, kind in layers.items():
    makers[f"random {name}"] = lambda draw, kind=kind: standardise(
        untrained(pictures, kind, draw=draw)
    )
rows = []
for name, make in makers.items():
    scores = [group_score(make(draw), draw) for draw in tries]
    a = [one.accuracy for one in scores]
    rows.append(
        {
            "name": name,
            "mean": np.mean(a),
            "min": min(a),
            "max": max(a),
            "highlight": "random" in name,
        }
    )
mean = {row["name"]: row["mean"] for row in rows}
spread = {row["name"]: f"{row['min']:.2f} to {row['max']:.2f}" for row in rows}
title = f"Random filters, max pooling: {spread['random filters, max pooling']}; pixels: {spread['pixels']}"
listed = "; ".join(f"{name} {value:.3f}" for name, value in mean.items())
show(
    scoreboard(rows, title=title),
    f"K-means on six kinds of features, mean and range over draws: {listed}.",
)

# %% [markdown] id="untrained-explain"
# Where two ranges overlap, the draws have not decided which is better. A filter drawn at random is still a filter: it
# answers to some direction of edge more than to others, and pooling says where in the image, roughly. A random fully
# connected layer knows nothing of places. **To choose the layers is to put knowledge in**: that pixels nearby belong
# together, and that a small shift does not matter, was built in before any training.
#
# How much shift? A test without labels: move each image by one pixel, up, down, left or right at random, and ask
# which original is nearest. Is it *itself*? And beside it, the score of the groups. We widen the pooling from an eighth
# of the side to the whole image. **Predict:** which width is best for each of the two?

# %% id="widths" jupyter={"outputs_hidden": true}
steps = np.array([(0, 1), (2, 1), (1, 0), (1, 2)])[
    np.random.default_rng(seed).integers(0, 4, len(pictures))
]
padded = nn.functional.pad(pictures, (1, 1, 1, 1))
shifted = torch.stack(
    [one[:, y : y + side, x : x + side] for one, (y, x) in zip(padded, steps, strict=True)]
)


def found_again(make):
    """Return the share of the shifted images whose nearest original is themselves."""
    finder = NearestNeighbors(n_neighbors=1).fit(make(pictures))
    return (
        finder.kneighbors(make(shifted), return_distance=False)[:, 0] == np.arange(len(pictures))
    ).mean()


widths = [side // 8, side // 4, side // 2, side]
again, right = [], []
for width in widths:
    again.append(
        found_again(lambda shown, width=width: standardise(untrained(shown, "max", width)))
    )
    scores = [
        group_score(standardise(untrained(pictures, "max", width, draw)), draw) for draw in tries
    ]
    right.append(np.mean([one.accuracy for one in scores]))
best_width = widths[int(np.argmax(right))]

figure = Figure(figsize=(8, 3.3), layout="constrained")
axes = figure.subplots()
for values, colour, marker, line in ((again, GREEN, "D", "--"), (right, BLUE, "o", "-")):
    axes.plot(range(len(widths)), values, color=colour, marker=marker, linestyle=line)
    for i, value in enumerate(values):
        axes.annotate(
            f"{value:.2f}",
            (i, value),
            (0, 7),
            textcoords="offset points",
            ha="center",
            color=colour,
        )
axes.text(3.25, again[-1] - 0.03, "found again\nafter a shift", color=GREEN, va="center")
axes.text(3.25, right[-1], f"groups right,\nmean of {len(tries)} draws", color=BLUE, va="center")
axes.set(xlim=(-0.2, 4.3), ylim=(0, 1.12), xticks=range(len(widths)), ylabel="share of the images")
axes.set_xticklabels([f"{width} × {width}" for width in widths])
axes.set_xlabel("pixels that one number of the pooled map stands for")
title = f"Found again: {again[0]:.2f} at {widths[0]} × {widths[0]}, {again[-1]:.2f} at {side} × {side}; groups: best mean at {best_width} × {best_width}"
figure.suptitle(title, fontsize=11, weight="bold")
show(
    figure,
    f"Two lines over four widths of max pooling, for shifted images and for groups. {title}.",
)

# %% [markdown] id="width-read"
# To forgive a shift is to forget a place. At the full width a feature says "there is such an edge somewhere", which
# is the same before and after a shift, and too little to tell digits apart by. Training (chapter 04) chooses *what* to
# forget.
#
# ## 7 Where it fails
#
# The worst mistakes are those that nothing marks. Here are the images of the open half for which pupil and teacher give
# the *same* wrong answer. Where both agree, asking both does not help.

# %% id="fails"
shared = np.flatnonzero(pupil_wrong & (answer == taught))
figure = Figure(figsize=(8, 3.2), layout="constrained")
panels = figure.subplots(2, 8).flat
for axes in panels:
    axes.set_axis_off()
for axes, row in zip(figure.axes, shared[:: max(1, len(shared) // 16)][:16], strict=False):
    axes.imshow(images.images[even][row, 0], cmap="gray")
    axes.set_title(f"is {labels[row]}\nboth say {answer[row]}", fontsize=9)
pairs, counts = np.unique(
    np.stack([labels[shared], answer[shared]], axis=1), axis=0, return_counts=True
)
often = "; ".join(f"{counts[i]} × {pairs[i, 0]} for {pairs[i, 1]}" for i in np.argsort(-counts)[:2])
title = (
    f"{len(shared)} of the pupil's {pupil_wrong.sum()} wrong answers are its teacher's ({often})"
)
figure.suptitle(title, fontsize=11, weight="bold")
show(
    figure,
    f"Up to sixteen digits that teacher and pupil both take for the same wrong class. {title}.",
)

# %% [markdown] id="board-text"
# ## 8 The scoreboard
#
# Two kinds of label vectors, and a pupil of each, beside where we started (digits, five stored seeds, the labels of
# even rows). "Equal sizes" assumes something that "sizes free" does not. Beside them stands the rival of chapter 02, Ward's
# method on HOG. A teacher is where the course starts; what a network adds to it comes in the next chapters, and chapter 05
# sets the last row beside Ward's.

# %% id="board"
ward = next(row for row in course.stored("course")["rows"] if row["name"] == "Ward on HOG")
bars = [{"name": f"{row['teacher']}"} | row["nobody"] for row in kept["pupils"][:2]] + [
    ward,
    *kept["rows"],
]
shown = [
    {"name": row["name"], "highlight": "pupil" in row["name"]}
    | {key: row["accuracy"][key] for key in ("mean", "min", "max")}
    for row in bars
]
listed = "; ".join(f"{row['name']} {row['accuracy']['mean']:.3f}" for row in bars)
pupils = [row["accuracy"]["mean"] for row in bars if "pupil" in row["name"]]
title = (
    f"A pupil of label vectors: {pupils[0]:.0%} with equal sizes, {pupils[1]:.0%} with sizes free"
)
display(
    show(
        scoreboard(shown, title=title),
        f"The scoreboard after chapter 03, mean accuracy over five seeds: {listed}.",
    )
)
behind = [row["name"] for row in kept["rows"] if row["accuracy"]["mean"] < ward["accuracy"]["mean"]]
Markdown(
    f"Ward on HOG ({ward['accuracy']['mean']:.3f}) is ahead of {len(behind)} of the {len(kept['rows'])} rows of this chapter, by "
    "the mean."
)

# %% id="record"
course.record(
    teacher_accuracy=1 - wrong.mean(),
    pupil_accuracy=pupil_right,
    scattered_pupil_accuracy=scattered_right,
    equal_sizes_unbalanced=np.mean(table["equal sizes"][1]),
    sizes_free_unbalanced=np.mean(table["sizes free"][1]),
)

# %% id="claims" tags=["nbval-check-output"]
print(
    "A pupil of scattered mistakes beats one of clumped mistakes by 0.1 or more:",
    scattered_right > pupil_right + 0.1,
)
print("The softest fifth is wrong more often than the sharpest:", rates[-1] > rates[0])
print(
    "Learnt by heart, the pupil is back at its teacher:",
    abs(true_line[-1] - (scattered == labels).mean()) < 0.05,
)
print(
    "Unbalanced, equal sizes do worse than sizes free:",
    np.mean(table["equal sizes"][1]) < np.mean(table["sizes free"][1]),
)
low, high = band["min"] - 0.02, band["max"] + 0.02
print(
    "The pupil is as good as with the default settings, give or take 0.02:",
    low <= pupil_right <= high,
)

# %% [markdown] id="exercises"
# ## 9 Exercises
#
# Write your answer where a cell says `# your answer here`, then run the cell below it. What you leave as it is counts as not
# attempted. The solutions are in the folder `solutions`, beside this chapter.
#
# ### Exercise 1 · compute · easy · objectives 1, 2
#
# An image lies at squared distances 0, 2 and 4 from three centres, and $\tau = 2$. What is the entropy of its
# label vector, in nats?
#
# *Hint:* what must the three shares sum to before you take their logarithms? And can the entropy of three
# shares be above $\ln 3 = 1.10$?

# %% id="exercise-1" tags=["solution"]
my_entropy = None  # a number, two decimals will do
### BEGIN SOLUTION
three = softmax(-np.array([0, 2, 4]) / 2)  # 0.67, 0.24, 0.09
my_entropy = -(three * np.log(three)).sum()
### END SOLUTION

# %% id="check-1" tags=["check"]
course.check("03-1", my_entropy)

# %% [markdown] id="exercise-2-text"
# ### Exercise 2 · compute · medium · objective 3
#
# There are two classes. Each label is wrong with a chance of 1 in 5, independently of all others: the mistakes
# are scattered. Five alike images vote. What is the chance that the majority of the five is wrong?
#
# *Hint:* how many of the five have to be wrong, at least? In how many ways can three of five be chosen?

# %% id="exercise-2" tags=["solution"]
my_chance = None  # a number from 0 to 1
### BEGIN SOLUTION
# Three, four or five wrong: 10 × 0.2³ × 0.8² + 5 × 0.2⁴ × 0.8 + 0.2⁵ = 0.0512 + 0.0064 + 0.0003
my_chance = 10 * 0.2**3 * 0.8**2 + 5 * 0.2**4 * 0.8 + 0.2**5
### END SOLUTION

# %% id="check-2" tags=["check"]
course.check("03-2", my_chance)

# %% [markdown] id="exercise-3-text"
# ### Exercise 3 · predict · easy · objective 4
#
# A set has 90 images of one class and 10 of another. The features are perfect: the two classes lie far apart.
# Two groups of exactly 50 images each are asked for. Predict the accuracy, at best.
#
# *Hint:* how many of the 90 fit into one group? Who fills the rest of the other?

# %% id="exercise-3" tags=["solution"]
my_best_accuracy = None  # a number from 0 to 1
### BEGIN SOLUTION
# One group holds 50 of the 90; the other holds the 10 and 40 strangers: (50 + 10) / 100.
my_best_accuracy = (50 + 10) / 100
### END SOLUTION

# %% id="check-3" tags=["check"]
course.check("03-3", my_best_accuracy)

# %% [markdown] id="exercise-4-text"
# ### Exercise 4 · mend · medium · objective 1
#
# A colleague makes soft label vectors. The function runs, and the numbers lie between 0 and 1. There are two
# faults in it. Mend it: it is given squared distances, images by centres, and $\tau$.
#
# ```python
# def soft(squared, tau):
#     weights = np.exp(-squared / tau)
#     return weights / weights.sum(axis=0)
# ```
#
# *Hint:* which sums must be one, those of the rows or those of the columns? And what is `np.exp(-1000)`, for an
# image far from all centres? What may you subtract from a row of distances so that the shares stay the same?


# %% id="exercise-4" tags=["solution"]
def my_soft(squared, tau):
    """Return label vectors, N x K, for squared distances N x K: finite, and each row sums to one."""
    ### BEGIN SOLUTION
    # Its share of the exponent cancels in the quotient.
    nearest = squared.min(axis=1, keepdims=True)
    weights = np.exp(-(squared - nearest) / tau)
    return weights / weights.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% id="check-4" tags=["check"]
course.check("03-4", my_soft)

# %% [markdown] id="exercise-5-text"
# ### Exercise 5 · design · hard · objective 5
#
# Design features that nobody trained. They are given images, and must pass two tests of section 6 at once:
#
# 1. after a shift by one pixel, at least **one image in four** has itself as its nearest original;
# 2. the NMI of k-means on them is **no more than 0.05 below** that of pixels.
#
# The next cell measures two candidates: neither passes both. The cell after it is yours: choose, measure with
# `found_again` and `group_score`, and write down why. (HOG was designed by people. The layers of
# section 6 are enough.)
#
# *Hint:* which width of pooling forgets too much, and which too little? What did `standardise` do in section 6?

# %% id="target-5"
lines = ["| features | found again | NMI |", "|---|---|---|"]
plain_nmi = group_score(pictures.flatten(1).numpy()).nmi
for name, make in {
    "pixels": lambda shown: shown.flatten(1).numpy(),
    "mean brightness": lambda shown: shown.mean(dim=(1, 2, 3))[:, None].numpy(),
}.items():
    lines.append(f"| {name} | {found_again(make):.2f} | {group_score(make(pictures)).nmi:.2f} |")
lines.append(f"| **target** | **0.25** | **{plain_nmi - 0.05:.2f}** |")
Markdown("\n".join(lines))


# %% id="exercise-5" tags=["solution"]
def my_features(shown):
    """Return features, n x D, for images n x C x H x W (a tensor). The same image must give the same features."""
    ### BEGIN SOLUTION
    # Many filters, so that luck counts less; squares of half the side forgive a pixel and keep the place.
    torch.manual_seed(0)
    filters = nn.Conv2d(shown.shape[1], 256, 3, padding=1)
    with torch.no_grad():
        pooled = nn.MaxPool2d(shown.shape[2] // 2)(filters(shown).relu())
    return standardise(pooled.flatten(1).numpy())
    ### END SOLUTION


# %% id="check-5" tags=["check"]
course.check("03-5", my_features, images=pictures, moved=shifted, labels=labels)

# %% [markdown] id="summary"
# ## 10 Summary
#
# *Can one make labels out of nothing?* **Not out of nothing: out of features and assumptions.** It counts not only how
# many labels are wrong, but where: scattered mistakes are outvoted, those of whole classes and of alike images are
# learnt. Other features would place the clumps otherwise: that is what chapter 04 tries.
#
# | objective | what you have seen |
# |---|---|
# | build soft label vectors | squared distances, $\tau$, a softmax over each row; the winner does not depend on $\tau$ |
# | read the entropy | between centres, vectors are soft and often wrong; a clump in the wrong place may be sharp |
# | explain the pupil | training is a vote among alike images: scattered mistakes are outvoted, clumps are learnt |
# | decide on equal sizes | a help where true; a group of $N/K$ cannot hold a larger class; the links that it cuts speak against it |
# | make untrained features | random filters with max pooling; a wider pool forgives more and knows less |
#
# The next chapter builds the network from parts and gives it several tasks at once.
#
# ### References
#
# - C. E. Shannon 1948, "A mathematical theory of communication", *Bell System Technical Journal* 27: entropy.
# - J. Shi, J. Malik 2000, "Normalized cuts and image segmentation", *IEEE TPAMI* 22.
# - M. Cuturi 2013, "Sinkhorn distances: lightspeed computation of optimal transport", *NIPS*.
# - Y. M. Asano, C. Rupprecht, A. Vedaldi 2020, "Self-labelling via simultaneous clustering and representation
#   learning", *ICLR*: equal sizes.
# - M. Caron, P. Bojanowski, A. Joulin, M. Douze 2018, "Deep clustering for unsupervised learning of visual
#   features", *ECCV*.
# - A. M. Saxe, P. W. Koh, Z. Chen, M. Bhand, B. Suresh, A. Y. Ng 2011, "On random weights and unsupervised
#   feature learning", *ICML*.
# - C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals 2017, "Understanding deep learning requires rethinking
#   generalization", *ICLR*: networks can learn random labels by heart.
# - D. Arpit and others 2017, "A closer look at memorization in deep networks", *ICML*: patterns come first.
