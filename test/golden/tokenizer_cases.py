"""Writes test/data/tokenizer/cases.txt: the strings that every tokenizer is judged on, the same every time.

A line is a number, a tab and a text that is to be repeated so often; in the text \\\\, \\n, \\r, \\t and
\\xHH stand for bytes. Everything that real splitters treat apart is there: letters of many scripts,
combining marks, emoji sequences, digits of several scripts, contractions, all white space, runs,
look-alikes of special tokens, control characters, characters newer than Unicode 14, and words of 100 KB.
"""

import random
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data" / "tokenizer"


def escape(s):
    out = []
    for b in s.encode():
        if b == 0x5C:
            out.append("\\\\")
        elif 0x20 <= b < 0x7F:
            out.append(chr(b))
        else:
            out.append({10: "\\n", 13: "\\r", 9: "\\t"}.get(b, "\\x%02x" % b))
    return "".join(out)


def load():
    """The strings, in order."""
    cases = []
    for line in (DATA / "cases.txt").read_text().splitlines():
        times, text = line.split("\t", 1)
        raw = text.encode().decode("unicode_escape").encode("latin-1").decode()
        cases.append(raw * int(times))
    return cases


WORDS = (
    "the of and to in is that for it was on are as with they at be this from have or by one had "
    "not but what all were when we there can an your which their said if do will each about how "
    "up out them then she many some Tokenization internationalization Once upon a time little "
    "girl named Lily restaurant description name eatType BLACK White camelCase snake_case "
    "HTTPServer x86 v2 3D 4th naïve café Zürich façade São Ærø Łódź jalapeño Привет мир нещо на "
    "Български Ελλάδα שלום עולם مرحبا بالعالم नमस्ते दुनिया สวัสดี 你好世界 我想在 こんにちは 世界 안녕하세요 "
    "កាន់តែពិសេស ꦲꦤ ⵣⵉⴽ ᚠᛇᚻ 𐌰𐌱 𝔘𝔫𝔦 ﬁne ſtrange ǅ K Å ℌ Ⅷ ½ ² ① ٣ ৪ ๕ 𝟘 〇 "
).split()
MARKS = "\u0301\u0300\u0323\u0308\u0327\u20e3\ufe0f\u0915\u094d\u0337\u05b8\u064b"
EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "😶‍🌫️", "✅", "❤️", "🦙", "1️⃣", "🫨", "\U0001fae9"]
SPACES = [
    " ",
    "  ",
    "   ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\v",
    "\f",
    "\u00a0",
    "\u0085",
    "\u2003",
    "\u200b",
    "\u2028",
    "\u3000",
    "\u202f",
    "\u1680",
    "\u180e",
    "\ufeff",
    "\u2060",
    "\u001c",
    "\u001f",
]
PUNCT = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + [
    "...",
    "--",
    "—",
    "’",
    "“",
    "”",
    "¿",
    "。",
    "、",
    "！",
    "„",
    "€",
    "£",
    "°",
    "§",
    "×",
    "→",
    "∑",
    "\u00ad",
    "''",
    "```",
    "!!",
    "()",
]
CONTRACTIONS = [
    "'s",
    "'t",
    "'re",
    "'ve",
    "'m",
    "'ll",
    "'d",
    "'S",
    "'T",
    "'RE",
    "'Ve",
    "'M",
    "'lL",
    "'D",
    "'\u017f",
    "'x",
    "''s",
    "’s",
]
SPECIALS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<s>",
    "</s>",
    "<unk>",
    "<pad>",
    "<mask>",
    "<0x0A>",
    "<0xFF>",
    "<|im_start",
    "|im_end|>",
    "<|im_end|><|im_end|>",
    "<|ımend|>",
    "[INST]",
    "\u2581",
    "\u2581the",
    "Ġthe",
    "Ċ",
    "<|assistant|>",
    "<cut>",
    "<cutter>",
    "<word>",
    "<left>",
    "<right>",
    "<|endoftext",
    "<repo_name>",
    "<SPACE D>",
]
CONTROL = [
    "\0",
    "\x01",
    "\x07",
    "\x1b",
    "\x7f",
    "\x80",
    "\x9f",
    "\ufffd",
    "\uffff",
    "\U0010ffff",
    "\ue000",
    "\U000e0001",
]
NEWER = [
    "\U00011f04",
    "\u1c89",
    "\U00010d40",
    "\U00016d70",
    "\U00031350",
    "\U0002ebf0",
    "\u0cf3",
    "\U0001e4d0",
    "\ua7cb",
    "\U000105c0",
    "\U0001e5f1",
    "\u0897",
    "\U0001cc00",
]


def digits(r):
    kinds = ["0123456789", "0123456789", "٠١٢٣٤", "०१२३", "¹²³", "ⅠⅡ", "𝟎𝟏"]
    k = r.choice(kinds)
    return "".join(r.choice(k) for _ in range(r.choice([1, 2, 3, 4, 5, 7, 12])))


def piece(r):
    kind = r.randrange(15)
    if kind < 4:
        return r.choice(WORDS)
    if kind == 4:
        return "".join(r.choice(WORDS)[:3] for _ in range(r.randrange(1, 4)))
    if kind == 5:
        return r.choice(WORDS) + "".join(r.choice(MARKS) for _ in range(r.randrange(1, 4)))
    if kind == 6:
        return "".join(r.choice(EMOJI) for _ in range(r.randrange(1, 3)))
    if kind in (7, 8):
        return "".join(r.choice(SPACES) for _ in range(r.choice([1, 1, 2, 3, 6])))
    if kind == 9:
        return "".join(r.choice(PUNCT) for _ in range(r.randrange(1, 4)))
    if kind == 10:
        return r.choice(WORDS) + r.choice(CONTRACTIONS)
    if kind == 11:
        return r.choice(SPECIALS)
    if kind == 12:
        return digits(r)
    if kind == 13:
        return r.choice(CONTROL + NEWER)
    for _ in iter(int, 1):  # any character at all
        c = r.randrange(0x110000 if r.random() < 0.3 else 0x3000)
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def text(r):
    n = r.choice([1, 2, 3, 4, 6, 9])
    glue = r.choice(["", " ", " ", "\n"])
    return glue.join(piece(r) for _ in range(n))


FIXED = [
    "",
    " ",
    "  ",
    "a",
    " a",
    "a ",
    "\n",
    "\n\n",
    " \n ",
    "Hello world",
    "Hello, y'all! How are you?",
    "\0",
    "a\0b",
    "I'm you're he'll we'd they've it's can't",
    "I'M YOU'RE HE'LL WE'D THEY'VE IT'S CAN'T",
    "1234567890",
    "12 345 6789",
    "3.14159e-10",
    "a1b2c3",
    "   leading",
    "trailing   ",
    "a   b    c",
    "\t\tindent\n\t\tmore",
    "e\u0301 é",
    "\u1100\u1161\u11a8",
    "\u212b\u2126",
    "q\u0307\u0323",
    "\U0001d15e",
    "Cửa Việt",
    "Cu\u031b\u0309a Vie\u0323\u0302t",
    "<s> a </s>",
    "<left>  x",
    "x  <right>  y",
    "a<word>b",
    "a <word> b",
    "<word>",
    "é<word>",
    "<cutter>s",
    "<|endoftext|>\n\n<|im_start|>user",
    "def f(x):\n    return x  # ok\n",
    "http://example.com/a?b=c&d=%20#e",
    "name@example.org",
    "C:\\Users\\x",
    "name[The Eagle], eatType[coffee shop]",
    "日本語のテキスト、です。",
]
LONG = [
    ("a", 100000),
    (" ", 100000),
    ("\n", 100000),
    ("ab", 50000),
    ("the", 33334),
    ("the ", 25000),
    ("é", 50000),
    ("1", 100000),
    ("😀", 25000),
    ("=", 100000),
    ("aaab", 25000),
    ("日本", 16667),
    (" \n", 50000),
    ("<|im_end|>", 2000),
    ("xyzzy'", 16667),
    ("a1", 50000),
    ("\u2581", 20000),
    ("<0x0A>", 5000),
    ("e\u0301", 30000),
    ("once upon a time ", 6000),
]


MORE = """[CLS] [SEP] [MASK] [UNK] ##ing ##s <extra_id_0> <extra_id_99> ▁▁ ▁▁▁ ABC FB ＦＵＬＬ ｆｕｌｌ ﬁﬂ … ¨ ´ İSTANBUL
ΟΔΥΣΣΕΥΣ ǅ ﷺ ㍿ ｶﾞ カ゛ 각 각 Å Ω ſ ß ẞ ŉ Æ æ É é Ñ ñ don't I'm won't. e.g. U.S.A. 3,000.50 $5 €10 50% #tag @me a_b a-b
a/b x=y \u0600 \u0378 \u1734 \u1c89 \ua7cb \ua7ce \U00010d50 \U00016ea0 \U00011938 \U00011935\U00011930 \U0001e030
\U000e0041 \uf8ff \u00ad \u200d \u0344 \u0f73 \uff9e \u3099 \U0001d165 \u2fa1 \uf900 \U0002f800 <0xE2> <0x96><0x81>""".split()


def more(r):
    """Pieces that the first strings lack: full width, ligatures, marks of every class, capitals of all scripts."""
    kind = r.randrange(6)
    if kind < 2:
        return r.choice(MORE)
    if kind == 2:
        return r.choice("aAeEéßΣİ가カ你ק") + "".join(chr(r.randrange(0x300, 0x370)) for _ in range(r.randrange(1, 4)))
    if kind == 3:
        return "".join(chr(r.choice([r.randrange(0xA0, 0x590), r.randrange(0x1E00, 0x2000)])) for _ in range(3))
    if kind == 4:
        return chr(r.choice([r.randrange(0x2000, 0x3400), r.randrange(0xF900, 0xFFFE), r.randrange(0x10000, 0x20000)]))
    return piece(r)


def main():
    r = random.Random(20240601)
    rows = [(1, s) for s in FIXED] + [(n, s) for s, n in LONG]
    seen = {s for _, s in rows}
    while len(rows) < 2200:
        s = text(r)
        if s not in seen:
            seen.add(s)
            rows.append((1, s))
    r = random.Random(20261127)
    while len(rows) < 5200:
        s = r.choice(["", " ", " "]).join(more(r) for _ in range(r.choice([1, 2, 3, 5])))
        if s not in seen:
            seen.add(s)
            rows.append((1, s))
    lines = ["%d\t%s\n" % (n, escape(s)) for n, s in rows]
    (DATA / "cases.txt").write_text("".join(lines))
    assert load() == [s * n for n, s in rows]
    print(len(rows), "cases,", sum(map(len, lines)), "bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
