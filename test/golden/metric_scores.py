#!/usr/bin/env python3
"""metric_scores.py -- records what sacrebleu and rouge-score say of texts and their references.

    python3 test/golden/metric_scores.py >test/data/metric/scores.json

Needs sacrebleu 2.6 and rouge-score 0.1.2. Every text was written for this file; the random ones are drawn from the
words below, from a fixed seed."""
import json
import random

import sacrebleu
from rouge_score import rouge_scorer

WORDS = ("the a cat dog house river price £20-25 3.5 1,000 café naïve state-of-the-art isn't Straße 日本 東京 "
         "good, bad. (yes) no! U.S. 50% e-mail @home #1 \"quoted\" 5-star 100km/h É é ﬁne 🙂 👍🏽 ½ — … · x").split()

CASES = [
    # text, references
    ("", ["a reference"]),
    ("", [""]),
    ("a text", [""]),
    (" ", ["  \n "]),
    ("the", ["the"]),
    ("the cat", ["the cat"]),
    ("the cat sat", ["the cat sat"]),
    ("the cat sat on the mat", ["the cat sat on the mat"]),
    ("red red red red red red red", ["a red lamp beside a red door", "the door is red"]),
    ("This lamp is meant for reading and it always keeps the colour of the page.",
     ["A lamp for reading that will always keep the colour of the pages.",
      "It is the lamp for readers which keeps the colours of every page as they are.",
      "Meant for reading, this lamp always keeps the page's colour."]),
    ("completely other words here now", ["nothing of this is shared at all"]),
    ("one shared word", ["a shared thing entirely different from the other"]),
    ("The price is £20-25, not 1,000.50.", ["The price is £20-25 , not 1,000.50 ."]),
    ("1,000.5 .5 5. 5.x x.5 ,5 5, a,b a.b 1.2.3 1,2,3", ["1,000.5 .5 5. 5.x x.5 ,5 5, a,b a.b 1.2.3 1,2,3"]),
    ("1,000 . 5", ["1,000.5"]),
    ("wait... what?!.. .,., ,.", ["wait ... what ? ! .. . , . , , ."]),
    ("1990-2000 a-b 5-star -5 5- --", ["1990 - 2000 a-b 5 -star -5 5 - --"]),
    ("Tom &amp; Jerry &lt;3 &quot;cheese&quot; &gt; &apos; &amp;lt;", ["Tom & Jerry <3 \"cheese\" > &apos; <"]),
    ("&amp;amp;quot; &amp;quot;", ["&amp;quot; &quot;"]),
    ("a <skipped> b<skipped>c", ["a b c"]),
    ("<skip<skipped>ped>", ["<skipped>"]),
    ("hyphen-\nated line\nend", ["hyphenated line end"]),
    ("carriage\r\nreturn\ttab\x0bvertical\x0cform", ["carriage return tab vertical form"]),
    ("separators\x1cof\x1dthe\x1efour\x1fkinds", ["separators of the four kinds"]),
    ("next\u0085line no\u00a0break thin\u2009space ideographic\u3000space zero\u200bwidth",
     ["next line no break thin space ideographic space zero width"]),
    ("ends with space \u00a0\u2003", ["ends with space"]),
    ("ends with line-\n", ["ends with line-"]),
    ("Café naïve Straße", ["Cafe naive Strasse"]),
    ("Café", ["Café"]),
    ("日本語のテキスト。東京は大きい。", ["日本語の文章。東京はとても大きい。"]),
    ("Привет, мир! Это тест.", ["Привет мир. Это проверка."]),
    ("مرحبا بالعالم", ["مرحبا يا عالم"]),
    ("🙂 👍🏽 family 👨\u200d👩\u200d👧", ["🙂 👍 family 👨\u200d👩\u200d👧\u200d👦"]),
    ("İstanbul DİYARBAKIR 3\u212a temperature", ["i stanbul di yarbakir 3k temperature"]),
    ("ÅNGSTRÖM Ω ẞ", ["ångström ω ß"]),
    ("don't won't it's", ["do n't wo n't it 's"]),
    ("A!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~B", ["A ! \" # $ % & ' ( ) * + , - . / : ; < = > ? @ [ \\ ] ^ _ ` { | } ~ B"]),
    ("under_score snake_case 3x4=12", ["under score snake case 3 x 4 = 12"]),
    ("UPPER lower MiXeD", ["upper LOWER mixed"]),
    ("a b c d", ["a b c d e", "a b c"]),
    ("a b c d", ["a b c", "a b c d e"]),
    ("a b c d e f g h", ["a b", "a b c d e f g h i j k l m n o p"]),
    ("short", ["a much longer reference than the text that was made"]),
    ("a much longer text than the reference that was given for it", ["short"]),
    ("a b a b a b a b", ["a b a b", "b a b a b a"]),
    ("x y z", ["", "x y z"]),
    ("x y z", ["x y", ""]),
    ("qqq zzz", ["abc", "abcdefgh ijkl"]),
    ("abcdef", ["abcde"]),
    ("ab", ["abcdefgh"]),
    ("abc abc abc", ["abcabcabc"]),
    ("the small green boat sails past the old pier", ["the old pier stays past the small green boat",
                                                     "a small old boat sails past a green pier"]),
    ("Alimentum is a family friendly restaurant located in the city centre.",
     ["There is a place in the city centre, Alimentum, that is not family-friendly.",
      "Alimentum is not a family-friendly place, located in city centre."]),
    ("word " * 70 + "end", ["word " * 65 + "the end"]),
    (" ".join(f"w{i % 37}" for i in range(200)), [" ".join(f"w{i * 5 % 41}" for i in range(190))]),
    (" ".join(f"t{i}" for i in range(64)), [" ".join(f"t{i}" for i in range(64))]),
    (" ".join(f"t{i}" for i in range(65)), [" ".join(f"t{i}" for i in range(1, 66))]),
]


def drawn(r, n):
    return " ".join(r.choice(WORDS) for _ in range(n))


def near(r, text):
    words = [w for w in text.split(" ") if r.random() > .2]
    for _ in range(r.randrange(3)):
        words.insert(r.randrange(len(words) + 1), r.choice(WORDS))
    return " ".join(words)


def cases():
    yield from CASES
    r = random.Random(7)
    for _ in range(60):
        text = drawn(r, r.randrange(1, 30))
        yield text, [near(r, text) for _ in range(r.randrange(1, 6))]


def corpus(metric, texts, references):
    most = max(map(len, references))
    columns = [[x[i] if i < len(x) else None for x in references] for i in range(most)]
    return metric.corpus_score(texts, columns)


def main():
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    bleu, chrf = sacrebleu.BLEU(), sacrebleu.CHRF()
    rows = []
    for text, references in cases():
        rouge = scorer.score_multi(references, text)
        one = corpus(bleu, [text], [references])
        rows.append({
            "text": text, "references": references,
            "tokens": bleu.tokenizer(text.rstrip()),
            "bleu": sacrebleu.sentence_bleu(text, references).score,
            "corpus_bleu": one.score,
            "chrf": sacrebleu.sentence_chrf(text, references).score,
            "rouge1": rouge["rouge1"].fmeasure, "rouge2": rouge["rouge2"].fmeasure, "rougeL": rouge["rougeL"].fmeasure,
        })
    groups = []
    for first in range(0, len(rows), 10):
        some = rows[first:first + 10] if first else rows
        texts, references = [x["text"] for x in some], [x["references"] for x in some]
        b = corpus(bleu, texts, references)
        groups.append({
            "first": first, "count": len(some), "bleu": b.score, "precisions": b.precisions, "brevity": b.bp,
            "text_tokens": b.sys_len, "reference_tokens": b.ref_len,
            "chrf": corpus(chrf, texts, references).score,
            **{k: sum(x[k] for x in some) / len(some) for k in ("rouge1", "rouge2", "rougeL")},
        })
    print(json.dumps({"sacrebleu": sacrebleu.__version__, "rouge_score": "0.1.2", "rows": rows, "groups": groups},
                     indent=1, ensure_ascii=True))


main()
