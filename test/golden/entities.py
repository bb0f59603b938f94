"""Records test/data/metric/entities.json: labelled sequences and what seqeval says of them.

    python3 test/golden/entities.py          with seqeval 1.2.2 installed

Each case: names of labels, rows of [truth, predicted] as numbers of labels, and for every type and for all ("micro")
[precision, recall, F1, entities that are there].
"""

import json, os, random, warnings

from seqeval.metrics.sequence_labeling import precision_recall_fscore_support as scores

warnings.filterwarnings("ignore")
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "metric", "entities.json")


def labels_of(tags, types):
    return ["O"] + [f"{tag}-{name}" for name in types for tag in tags]


def case(labels, rows, types):
    truth = [[labels[i] for i in a] for a, _ in rows]
    said = [[labels[i] for i in b] for _, b in rows]
    seen = sorted({l[2:] for row in truth + said for l in row if l != "O"})
    each = scores(truth, said, average=None)
    expected = {name: [float(x[i]) for x in each] for i, name in enumerate(seen)}
    expected["micro"] = [float(x) for x in scores(truth, said, average="micro")]
    return {"labels": labels, "rows": rows, "expected": expected}


def drawn(rng, labels, like=None):
    """Labels that often go on, so that there are entities of several words; or most of those of `like`."""
    if like is not None:
        return [i if rng.random() < 0.8 else rng.randrange(len(labels)) for i in like]
    out, n = [], rng.choice([0, 1, 2, 5, 9, 14])
    for _ in range(n):
        out.append(out[-1] if out and rng.random() < 0.3 else rng.randrange(len(labels)))
    return out


def main():
    rng = random.Random(5)
    cases = []
    for tags, types in (
        ("BI", ["PER", "LOC", "ORG-X"]),
        ("BI", ["PER"]),
        ("BIES", ["a", "b"]),
        ("I", ["LOC", "MISC"]),
        ("BI", ["LOC", "MISC", "ORG", "PER"]),
    ):
        labels = labels_of(tags, types)
        rows = []
        for _ in range(24):
            truth = drawn(rng, labels)
            rows.append([truth, drawn(rng, labels, truth)])
        cases.append(case(labels, rows, types))
    labels = labels_of("BI", ["PER"])
    cases.append(case(labels, [[[0, 0], [0, 0]]], ["PER"]))  # nothing there, nothing said
    cases.append(case(labels, [[[1, 2], [0, 0]]], ["PER"]))
    cases.append(case(labels, [[[0, 0], [1, 2]]], ["PER"]))
    with open(OUT, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")


main()
