"""Writes src/text/unicode_tables.c: which characters the tokenizers library takes for punctuation, accents and so on,
and src/text/unicode_scripts.c: which it takes for those of one script.

    python unicode_tables.py [tables] [scripts]

Its parts know different versions of Unicode, most of them older than any system's library, so each class is
found by asking: every code point goes through the part that uses the class. Normalization is asked in the same
way which marks and decompositions it does not know.
"""

import re
import sys
import unicodedata
from pathlib import Path

from tokenizers import normalizers as N
from tokenizers import pre_tokenizers as P

OUT = Path(__file__).resolve().parents[2] / "src/text/unicode_tables.c"
# Planes 4 to 13 have no characters.
ALL = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000 and not 0x40000 <= c < 0xE0000]
SCRIPTS = Path(__file__).resolve().parents[2] / "src/text/unicode_scripts.c"
NEWER = Path(__file__).resolve().parents[2] / "src/text/unicode_newer.c"
# Marks and a decomposition that came with Unicode 17.
LATEST = [(0xA7F1, 0xA7F1), (0x1ACF, 0x1ADD), (0x1AE0, 0x1AEB), (0x10EFA, 0x10EFB), (0x1E6E3, 0x1E6F5)]

HEAD = """/* unicode_tables.c -- classes of characters as the parts of the tokenizers library know them, and small
 * letters newer than Unicode 14; see unicode_class.h. Written by test/golden/unicode_tables.py.
 *
 * Rows: first character, last character. Ascending, no overlaps. */
#include "text/unicode_class.h"

"""


def ranges(chars):
    out = []
    for c in sorted(chars):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def table(name, chars):
    rows = ["{0x%x, 0x%x}," % (a, b) for a, b in ranges(chars)]
    lines, line = [], "   "
    for r in rows:
        if len(line) + 1 + len(r) > 108:
            lines.append(line)
            line = "   "
        line += " " + r
    lines.append(line)
    return (
        "const char_range unicode_%s[] = {\n%s\n};\nconst size_t unicode_%s_count = sizeof unicode_%s / sizeof *unicode_%s;\n"
        % (name, "\n".join(lines), name, name, name)
    )


def alone(pre):
    """Characters that the pre-tokenizer cuts off from letters on both sides."""
    text = "".join("a" + chr(c) for c in ALL)
    return {ord(text[at[0]]) for _, at in pre.pre_tokenize_str(text) if at[1] - at[0] == 1 and at[0] % 2}


def words():
    """Characters that the Whitespace pre-tokenizer takes for parts of words."""
    text = "".join("a" + chr(c) + " " for c in ALL)
    pieces = P.Whitespace().pre_tokenize_str(text)
    return {ord(text[at[0] + 1]) for _, at in pieces if at[1] - at[0] == 2 and at[0] % 3 == 0}


def each(norm, before="", after="", mark="\x02"):
    """What every character becomes, between letters if so asked."""
    out = {c: norm.normalize_str(before + chr(c) + after) for c in range(128)}
    rest = [c for c in ALL if c >= 128]
    text = norm.normalize_str(mark.join(before + chr(c) + after for c in rest)).split(mark)
    assert len(text) == len(rest)
    out.update(zip(rest, text))
    return out


def gone(norm):
    return {c for c, s in each(norm, "a", "b", "|").items() if s == "ab"}


def bert(**on):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return N.BertNormalizer(**{**off, **on})


def unknown_to_normalization():
    """Marks that do not move, and characters that do not come apart, though Unicode 14 says they would."""
    nfd, nfkd = N.NFD(), N.NFKD()
    found, apart = set(), each(nfkd)
    for c in ALL:
        s = chr(c)
        if unicodedata.combining(s):
            moves = (
                nfd.normalize_str("a\u0315" + s) != "a\u0315" + s
                or nfd.normalize_str("a" + s + "\u0334") != "a" + s + "\u0334"
            )
            if not moves:
                assert (
                    unicodedata.normalize("NFD", "a\u0315" + s) != "a\u0315" + s
                    or unicodedata.normalize("NFD", "a" + s + "\u0334") != "a" + s + "\u0334"
                ), hex(c)
                found.add(c)
        if apart[c] != unicodedata.normalize("NFKD", s):
            assert apart[c] == s, hex(c)
            found.add(c)
            part = unicodedata.normalize("NFD", s)
            if part != s:  # nor do its parts come together
                found.add(ord(part[-1]))
    rows = re.findall(r"{(0x\w+), (0x\w+), ", NEWER.read_text())
    for first, last in [(int(a, 16), int(b, 16)) for a, b in rows] + LATEST:
        found.update(range(first, last + 1))
    return found


SCRIPTS_HEAD = """/* unicode_scripts.c -- scripts of characters as the UnicodeScripts pre-tokenizer knows them; see unicode_class.h.
 * Written by test/golden/unicode_tables.py.
 *
 * Rows: first character, last character, number of the script, counted as they first occur. Ascending, no overlaps.
 * What is in none has no script. */
#include "text/unicode_class.h"

const char_script unicode_scripts[] = {
"""


def starts(text):
    """Where UnicodeScripts begins a piece."""
    return {at[0] for _, at in P.UnicodeScripts().pre_tokenize_str(text)}


def scripts():
    """Neighbours that are not cut apart are of one script; the first of them is held against one of each script."""

    def beside(before):
        cut = starts("".join(before + chr(c) for c in ALL))
        return {c for i, c in enumerate(ALL) if 2 * i + 1 not in cut}

    nothing = beside("a") & beside("\u044f")  # cut off from neither: of no script
    known = [c for c in ALL if c not in nothing]
    cuts = starts("".join(map(chr, known)))
    first, number, here = [], {}, 0
    for i, c in enumerate(known):
        if i in cuts:
            apart = starts("".join(chr(f) + chr(c) for f in first))
            here = next((k for k in range(len(first)) if 2 * k + 1 not in apart), len(first))
            if here == len(first):
                first.append(c)
        number[c] = here + 1
    rows = []
    for c in known:
        if rows and rows[-1][1] == c - 1 and rows[-1][2] == number[c]:
            rows[-1][1] = c
        else:
            rows.append([c, c, number[c]])
    text, line = SCRIPTS_HEAD, "   "
    for r in ["{0x%x, 0x%x, %d}," % tuple(r) for r in rows]:
        if len(line) + 1 + len(r) > 108:
            text += line + "\n"
            line = "   "
        line += " " + r
    text += line + "\n};\nconst size_t unicode_scripts_count = sizeof unicode_scripts / sizeof *unicode_scripts;\n"
    SCRIPTS.write_text(text)


def tables():
    lower = each(N.Lowercase())
    new_small = [(c, ord(lower[c])) for c in ALL if lower[c] != chr(c).lower()]
    small, last = [], None
    for a, b in new_small:
        if last and a == last[1] + 1 and b - a == last[2] - last[0]:
            last[1] = a
        else:
            last = [a, a, b]
            small.append(last)
    text = HEAD
    text += table("punctuation", alone(P.Punctuation())) + "\n"
    text += table("word", words()) + "\n"
    text += table("numeric", alone(P.Digits(True))) + "\n"
    text += table("nonspacing", gone(bert(strip_accents=True))) + "\n"
    text += table("combining", gone(N.StripAccents())) + "\n"
    text += table("other", gone(bert(clean_text=True))) + "\n"
    text += table("unnormalized", unknown_to_normalization()) + "\n"
    text += "/* First and last capital, small letter of the first. */\nconst char_small unicode_small[] = {\n   "
    rows = ["{0x%x, 0x%x, 0x%x}," % tuple(r) for r in small]
    text += "\n   ".join("".join(" " + r for r in rows[i : i + 4]) for i in range(0, len(rows), 4)) + "\n};\n"
    text += "const size_t unicode_small_count = sizeof unicode_small / sizeof *unicode_small;\n"
    OUT.write_text(text)


def main():
    steps = {"tables": tables, "scripts": scripts}
    for step in sys.argv[1:] or steps:
        steps[step]()


if __name__ == "__main__":
    main()
