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
GRAM_VALUE = float(os.environ.get("GRAM", "0.35"))
L2 = float(os.environ.get("L2", "0.6"))
EPOCHS = 60
SLIGHTEST = 0.012  # weights under this are dropped


def dump():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "features.tsv")
        command = ["cargo", "test", "-q", "-j2", "--test", "classify", "dump_features", "--", "--ignored"]
        subprocess.run(command, cwd=ROOT, env=dict(os.environ, MOAI_CLASSIFY_DUMP=path), check=True, stdout=subprocess.DEVNULL)
        with open(path, encoding="utf8") as lines:
            rows = []
            for line in lines:
                id_, lang, tier, kind, source, split, *names = line.rstrip("\n").split("\t")
                rows.append(dict(id=id_, lang=lang, tier=tier, kind=kind, source=source, split=split, names=[n for n in names if n]))
            return rows


def is_gram(name):
    return name.split(":", 1)[0] in GRAMS


def vocabulary(rows):
    count = Counter(name for row in rows for name in set(row["names"]))
    return {name for name, n in count.items() if n >= (3 if is_gram(name) else 2)}


def vectors(rows, known):
    """The features of each row that are known, with their values; the grams of a row together count like a few words."""
    out = []
    for row in rows:
        names = sorted(set(row["names"]) & known)
        out.append([(name, GRAM_VALUE if is_gram(name) else 1.0) for name in names])
    return out


def learn(data, labels, weights):
    """Logistic regression by AdaGrad with L2; gives weights by name, and the bias under None."""
    w, g = defaultdict(float), defaultdict(float)
    order = list(range(len(data)))
    rng = random.Random(7)
    n = len(data)
    for epoch in range(EPOCHS):
        rng.shuffle(order)
        for i in order:
            z = w[None] + sum(w[name] * value for name, value in data[i])
            p = 1 / (1 + math.exp(-max(-30, min(30, z))))
            d = (p - labels[i]) * weights[i]
            for name, value in data[i] + [(None, 1.0)]:
                grad = d * value + (L2 * w[name] / n * 8 if name is not None else 0.0)
                g[name] += grad * grad
                w[name] -= 0.25 * grad / math.sqrt(g[name] + 1e-8)
    return w


def balance(rows, label):
    """Every language and label counts the same."""
    count = Counter((row["lang"], row[label]) for row in rows)
    return [len(rows) / (len(count) * count[(row["lang"], row[label])]) for row in rows]


def fit(rows):
    known = vocabulary(rows)
    tier_rows = [row for row in rows if row["tier"] != "-"]
    data = vectors(tier_rows, known)
    tier = learn(data, [float(row["tier"] == "plan") for row in tier_rows], balance(tier_rows, "tier"))
    kind_rows = [row for row in rows if row["kind"] != "-"]
    data = vectors(kind_rows, known)
    kinds = [learn(data, [float(row["kind"] == kind) for row in kind_rows], balance(kind_rows, "kind")) for kind in KINDS]
    return known, tier, kinds


def score(w, names, known):
    return w[None] + sum(w[name] * (GRAM_VALUE if is_gram(name) else 1.0) for name in set(names) & known)


def calibrate(margins):
    """Platt: (margin, was it right) → slope and base."""
    slope, base = 1.0, 0.0
    for _ in range(4000):
        gs = gb = 0.0
        for margin, right in margins:
            p = 1 / (1 + math.exp(-max(-30, min(30, slope * margin + base))))
            gs += (p - right) * margin
            gb += p - right
        slope -= 0.4 * gs / len(margins)
        base -= 0.4 * gb / len(margins)
    return slope, base


def cross(rows):
    """Leaves one source out at a time; gives margins of tier and kind, with what was right."""
    tier_margins, kind_margins, wrong = [], [], []
    recall = defaultdict(lambda: [0, 0])
    for source in sorted({row["source"] for row in rows}):
        known, tier, kinds = fit([row for row in rows if row["source"] != source])
        for row in (row for row in rows if row["source"] == source):
            if row["tier"] != "-":
                z = score(tier, row["names"], known)
                right = (z > 0) == (row["tier"] == "plan")
                tier_margins.append((abs(z), right))
                recall["tier", row["lang"], row["tier"]][0] += right
                recall["tier", row["lang"], row["tier"]][1] += 1
                if not right:
                    wrong.append((row["id"], row["tier"], z))
            # A source that holds one kind only teaches nothing about the others when it is left out.
            if row["kind"] != "-" and not source.startswith("own-kind"):
                ranked = sorted((score(w, row["names"], known) for w in kinds), reverse=True)
                best = max(range(3), key=lambda k: score(kinds[k], row["names"], known))
                right = KINDS[best] == row["kind"]
                kind_margins.append((ranked[0] - ranked[1], right))
    for key in sorted(recall):
        print(*key, "%d/%d = %.3f" % (*recall[key], recall[key][0] / recall[key][1]))
    right = sum(r for _, r in tier_margins)
    print("tier, sources left out in turn: %d/%d = %.4f" % (right, len(tier_margins), right / len(tier_margins)))
    return tier_margins, kind_margins, wrong


def main():
    rows = [row for row in dump() if row["split"] == "train"]
    tier_margins, _, wrong = cross(rows)
    slope, base = calibrate(tier_margins)
    print("calibration of the tier: slope %.3f, base %.3f" % (slope, base))
    if "--cross" in sys.argv:
        for item in wrong:
            print("  %s should be %s, score %.2f" % item)
        return
    known, tier, kinds = fit(rows)
    milli = lambda w, name: round(1000 * w[name] * (GRAM_VALUE if name is not None and is_gram(name) else 1.0))
    lines = []
    for name in sorted(known):
        numbers = [milli(w, name) for w in [tier] + kinds]
        if any(abs(number) >= SLIGHTEST * 1000 for number in numbers):
            lines.append("\t".join([name] + [str(number) for number in numbers]))
    with open(os.path.join(ROOT, "templates", "classify", "weights.tsv"), "w", encoding="utf8") as out:
        out.write("# Learned weights, in thousandths of a logit: feature, tier 1, coding, reasoning, general.\n")
        out.write("# Written by tests/cases/classify/train.py; do not edit by hand.\n")
        out.write("\t".join(["=bias"] + [str(milli(w, None)) for w in [tier] + kinds]) + "\n")
        out.write("=tier-calibration\t%d\t%d\n" % (round(slope * 1000), round(base * 1000)))
        out.write("=kind-calibration\t%d\t%d\n" % (1000, 300))
        out.write("\n".join(lines) + "\n")
    print("%d weights" % len(lines))


if __name__ == "__main__":
    main()
