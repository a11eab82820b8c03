#!/usr/bin/env python3
"""Learns templates/classify/weights.tsv from dev.tsv. Standard library only, deterministic; about a minute.

    python3 tests/cases/classify/train.py            learn from the sources of split `train`, write the table
    python3 tests/cases/classify/train.py --cross    leave one source out at a time, print the result, write nothing

The features are those that the program itself sees: the ignored test `dump_features` writes them. What is learned are
linear weights: for the tier one logistic regression, for the kind one per kind. Named features (`op:design`) count in full,
runs of characters (`c:설계`) for a part, so that words of a topic cannot outvote what is asked for.
"""
import math
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
KINDS = ["coding", "reasoning", "general"]
GRAMS = {"w", "ww", "^", "c", "$"}
GRAM_VALUE = float(os.environ.get("GRAM", "0.5"))
L2 = float(os.environ.get("L2", "0.6"))
EPOCHS = int(os.environ.get('EPOCHS', '40'))
FOLDS = 5
BIAS_L2 = float(os.environ.get("BIAS", "1"))
SLIGHTEST = 0.012  # weights under this are dropped


def dump():
    cached = os.environ.get("FEATURES")
    if cached:
        return load(cached)
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "features.tsv")
        command = ["cargo", "test", "-q", "-j2", "--test", "classify", "dump_features", "--", "--ignored"]
        subprocess.run(command, cwd=ROOT, env=dict(os.environ, MOAI_CLASSIFY_DUMP=path), check=True, stdout=subprocess.DEVNULL)
        return load(path)


def load(path):
    rows = []
    with open(path, encoding="utf8") as lines:
        for line in lines:
            id_, lang, tier, kind, source, split, *names = line.rstrip("\n").split("\t")
            rows.append(dict(id=id_, lang=lang, tier=tier, kind=kind, source=source, split=split, names=sorted(set(n for n in names if n))))
    return rows


def is_gram(name):
    return name.split(":", 1)[0] in GRAMS


def vocabulary(rows):
    count = Counter(name for row in rows for name in row["names"])
    return {name for name, n in count.items() if n >= (3 if is_gram(name) else 2)}


def vectors(rows, index):
    """The known features of each row, as (number, value)."""
    return [
        [(index[name], GRAM_VALUE if is_gram(name) else 1.0) for name in row["names"] if name in index] + [(0, 1.0)]
        for row in rows
    ]


def learn(data, labels, weights, size):
    """Logistic regression by AdaGrad with L2; number 0 is the bias."""
    w, g = [0.0] * size, [1e-8] * size
    order = list(range(len(data)))
    rng = random.Random(7)
    decay = 8 * L2 / len(data)
    exp, sqrt = math.exp, math.sqrt
    for _ in range(EPOCHS):
        rng.shuffle(order)
        for i in order:
            row = data[i]
            z = 0.0
            for number, value in row:
                z += w[number] * value
            d = (1 / (1 + exp(-max(-30.0, min(30.0, z)))) - labels[i]) * weights[i]
            for number, value in row:
                grad = d * value + (decay * w[number] if number else BIAS_L2 * decay * w[0])
                g[number] += grad * grad
                w[number] -= 0.25 * grad / sqrt(g[number])
    return w


def balance(rows, label):
    """Every language and label counts the same."""
    count = Counter((row["lang"], row[label]) for row in rows)
    return [len(rows) / (len(count) * count[(row["lang"], row[label])]) for row in rows]


def fit(rows):
    index = {name: number for number, name in enumerate(sorted(vocabulary(rows)), 1)}
    size = len(index) + 1
    tier_rows = [row for row in rows if row["tier"] != "-"]
    plan = [float(row["tier"] == "plan") for row in tier_rows]
    tier = learn(vectors(tier_rows, index), plan, balance(tier_rows, "tier"), size)
    kind_rows = [row for row in rows if row["kind"] != "-"]
    data, weights = vectors(kind_rows, index), balance(kind_rows, "kind")
    kinds = [learn(data, [float(row["kind"] == kind) for row in kind_rows], weights, size) for kind in KINDS]
    return index, tier, kinds


def score(w, names, index):
    known = (name for name in names if name in index)
    return w[0] + sum(w[index[name]] * (GRAM_VALUE if is_gram(name) else 1.0) for name in known)


def calibrate(margins):
    """Platt: (margin, was it right) → slope and base."""
    slope, base = 1.0, 0.0
    for _ in range(600):
        gs = gb = 0.0
        for margin, right in margins:
            p = 1 / (1 + math.exp(-max(-30, min(30, slope * margin + base))))
            gs += (p - right) * margin
            gb += p - right
        slope -= 0.4 * gs / len(margins)
        base -= 0.4 * gb / len(margins)
    return slope, base


def cross(rows):
    """Leaves a fifth of the sources out at a time; gives the margins of tier and kind with what was right, and the mistakes."""
    sources = sorted({row["source"] for row in rows})
    margins, wrong, recall = {"tier": [], "kind": []}, [], defaultdict(lambda: [0, 0])
    for fold in range(FOLDS):
        out = set(sources[fold::FOLDS])
        index, tier, kinds = fit([row for row in rows if row["source"] not in out])
        for row in (row for row in rows if row["source"] in out):
            answers = []
            if row["tier"] != "-":
                z = score(tier, row["names"], index)
                answers.append(("tier", "plan" if z > 0 else "implement", abs(z)))
            if row["kind"] != "-":
                ranked = sorted(((score(w, row["names"], index), kind) for w, kind in zip(kinds, KINDS)), reverse=True)
                answers.append(("kind", ranked[0][1], ranked[0][0] - ranked[1][0]))
            for what, answer, margin in answers:
                right = answer == row[what]
                margins[what].append((margin, right))
                recall[what, row["lang"], row[what]][0] += right
                recall[what, row["lang"], row[what]][1] += 1
                if not right:
                    wrong.append((row["id"], row[what], margin))
    for key in sorted(recall):
        print(*key, "%d/%d = %.3f" % (*recall[key], recall[key][0] / recall[key][1]))
    for what, all_margins in margins.items():
        right = sum(r for _, r in all_margins)
        print("%s, on sources left out: %d/%d = %.4f" % (what, right, len(all_margins), right / len(all_margins)))
    return margins, wrong


def main():
    rows = [row for row in dump() if row["split"] == "train"]
    margins, wrong = cross(rows)
    slopes = {what: calibrate(margins[what]) for what in margins}
    for what, (slope, base) in slopes.items():
        print("calibration of the %s: slope %.3f, base %.3f" % (what, slope, base))
    if "--cross" in sys.argv:
        for item in wrong:
            print("  %s should be %s, margin %.2f" % item)
        return
    index, tier, kinds = fit(rows)
    everyone = [tier] + kinds
    lines = []
    for name, number in sorted(index.items()):
        scale = 1000 * (GRAM_VALUE if is_gram(name) else 1.0)
        numbers = [round(scale * w[number]) for w in everyone]
        if any(abs(number) >= SLIGHTEST * 1000 for number in numbers):
            lines.append("\t".join([name] + [str(number) for number in numbers]))
    with open(os.path.join(ROOT, "templates", "classify", "weights.tsv"), "w", encoding="utf8") as out:
        out.write("# Learned weights, in thousandths of a logit: feature, tier 1, coding, reasoning, general.\n")
        out.write("# Written by tests/cases/classify/train.py; do not edit by hand.\n")
        out.write("\t".join(["=bias"] + [str(round(1000 * w[0])) for w in everyone]) + "\n")
        for what, (slope, base) in slopes.items():
            out.write("=%s-calibration\t%d\t%d\n" % (what, round(slope * 1000), round(base * 1000)))
        out.write("\n".join(lines) + "\n")
    print("%d weights" % len(lines))


if __name__ == "__main__":
    main()
