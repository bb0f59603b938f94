"""Records what jinja2, as transformers configures it, makes of the templates in test/data/jinja.

    python test/golden/jinja.py [FOLDER OF FURTHER TEMPLATES]

Writes test/data/jinja/golden.json: the templates, the data they are rendered with, and for every pair the
output, or null where rendering raises. {% generation %} spans are recorded as bytes of the output. With a
folder, test/data/jinja/other.txt gets a hash of every output of the *.jinja files there whose text is not in
the repository: NAME, number of the data, FNV-1a hash of 64 bits ("raises" where it raises).
"""

import datetime
import json
import sys
from pathlib import Path

import transformers.utils.chat_template_utils as chat

DATA = Path(__file__).resolve().parent.parent / "data" / "jinja"
NOW = 1721999045  # 2024-07-26 13:04:05 UTC


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).replace(tzinfo=None)


chat.datetime = Clock

VALUES = {
    "s": "text",
    "u": "héllo wörld 😀",
    "l": [1, 2, 3, 4, 5],
    "t": [1, 2],
    "d": {"a": 1, "k1": "v1", "nested": {"x": {"y": "deep"}}, "if": "I", "is": "S", "not": "N", "in": "X", "__x": "u"},
    "v": {"name": "f", "list": [1, 2.5, None, True, "é"], "empty": {}, "none": []},
    "tree": [{"name": "a", "children": [{"name": "b"}, {"name": "c", "children": [{"name": "d"}]}]}, {"name": "e"}],
    "tree_data": {"name": "r", "children": [{"name": "x", "children": [{"name": "y"}]}]},
    "users": [
        {"name": "Ann", "age": 31, "active": True, "address": {"city": "Rome"}, "email": "a@b"},
        {"name": "Bob", "age": 25, "active": False, "address": {"city": "Oslo"}},
        {"name": "Cid", "age": 30, "active": True, "address": {"city": "Rome"}, "email": None},
    ],
}

TOOLS = [
    {"type": "function", "function": {
        "name": "weather", "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {
            "city": {"type": "string", "description": " Name of the <city> "},
            "unit": {"type": "string", "enum": ["°C", "°F"], "description": "unit"},
            "days": {"type": ["integer", "null"], "description": "how many"},
            "tags": {"type": "array", "items": {"type": "string"}, "description": "t"},
        }, "required": ["city"]}}},
    {"type": "function", "function": {
        "name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}},
        "return": {"type": "string", "description": "ISO"}}},
]


def user(text):
    return {"role": "user", "content": text}


def bot(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def call(name, arguments, **more):
    return {"role": "assistant", "content": "", "tool_calls": [
        {"type": "function", "id": "abcdef123", "function": {"name": name, "arguments": arguments}}], **more}


def tool(text):
    return {"role": "tool", "name": "weather", "content": text, "tool_call_id": "abcdef123"}


USING = [user("Weather?"), call("weather", {"city": "Zürich", "days": 2}), tool('{"t": 21.5}'), bot("21.5 °C")]
TWICE = {"role": "assistant", "content": "Both:", "tool_calls": USING[1]["tool_calls"] + call("now", "{}")["tool_calls"]}

CONVERSATIONS = [
    {"messages": [user("Hi")]},
    {"messages": [user("Hi"), bot("Hello!")]},
    {"messages": [system("Be brief."), user("Hi"), bot("Hello!"), user("Bye"), bot("Farewell.")]},
    {"messages": [system("Be brief."), user("Hi"), bot("Hello!"), user("Bye")], "add_generation_prompt": True},
    {"messages": [user("  spaces \n"), bot("\n line\nline \t"), user(""), bot("")]},
    {"messages": [system(" sys <|im_end|> "), user("Ünïcödé 😀 中文 \u2028"), bot("{{ not }} {% a %} \\n 'q' \"d\"")]},
    {"messages": USING, "tools": TOOLS},
    {"messages": USING[:3], "tools": TOOLS, "add_generation_prompt": True},
    {"messages": [system("S."), user("Both?"), TWICE, tool("20"), tool("now"), bot("Done.")], "tools": TOOLS},
    {"messages": [user("Think"), bot("<think>\nhm\n</think>\n\nYes."), user("More"), bot("<think>\nho\n</think>\n\nNo.")]},
    {"messages": [user("Q"), bot("A", reasoning_content="because")], "enable_thinking": False},
    {"messages": [user("Q")], "enable_thinking": False, "add_generation_prompt": True},
    {"messages": [bot("I begin"), user("odd")]},
    {"messages": [user([{"type": "text", "text": " part "}, {"type": "image"}]), bot([{"type": "text", "text": "seen"}])]},
    {"messages": [user("Q"), bot(None)], "tools": []},
    {"messages": []},
    {"messages": [user("Docs?")], "documents": [{"title": "T", "text": "body", "n": 1.0}], "add_generation_prompt": True},
    {"messages": [user("1"), user("2"), {"role": "other", "content": "x"}], "controls": {"length": "long"}},
]


def sections(name):
    """{name: template} of a file of "=== name" lines, each followed by a template and one newline that is not of it."""
    out = {}
    for part in ("\n" + (DATA / name).read_bytes().decode()).split("\n=== ")[1:]:
        head, _, text = part.partition("\n")
        out[head] = text
    return out


def filled(conversation):
    return {"bos_token": "<s>", "eos_token": "</s>", "tools": None, "documents": None,
            "add_generation_prompt": False, **conversation}


def render(text, variables):
    """(output, spans) or None."""
    try:
        compiled = chat._cached_compile_jinja_template(text)
        variables = json.loads(json.dumps(variables))
        with_spans = {**variables}
        for key in ("messages", "tools", "documents", "add_generation_prompt"):
            with_spans.setdefault(key, None)
        out, spans = chat._render_with_assistant_indices(compiled, **with_spans)
        assert out == compiled.render(**variables) or "messages" not in variables
        if "messages" not in variables:
            out = compiled.render(**variables)
        return out, [[len(out[:a].encode()), len(out[:b].encode())] for a, b in spans]
    except Exception as e:  # whatever is raised, it is no output
        if isinstance(e, AssertionError):
            raise
        return None


def fnv(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = (h ^ b) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


def main():
    templates, data, cases = [], [VALUES], []
    data += [filled(c) for c in CONVERSATIONS]
    chats = range(1, len(data))
    for name, text in sections("constructs.txt").items():
        templates.append((name, text, [0]))
    for name, text in sections("families.txt").items():
        templates.append((name, text, chats))
    for path in sorted(DATA.glob("*.jinja")):
        templates.append((path.stem, path.read_text(), chats))
    for t, (_, text, which) in enumerate(templates):
        for d in which:
            got = render(text, data[d])
            cases.append([t, d] + ([None] if got is None else [got[0]] + ([got[1]] if got[1] else [])))
    golden = {"now": NOW, "templates": [{"name": n, "text": x} for n, x, _ in templates], "data": data}
    with open(DATA / "golden.json", "w") as f:
        f.write(json.dumps(golden, ensure_ascii=False, separators=(",", ":"))[:-1] + ',"cases":[\n')
        f.write(",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in cases) + "\n]}\n")
    print(len(templates), "templates,", len(cases), "cases,", sum(c[2] is None for c in cases), "raise")
    if len(sys.argv) < 2:
        return
    known = {x for _, x, _ in templates}
    with open(DATA / "other.txt", "w") as f:
        for path in sorted(Path(sys.argv[1]).glob("*.jinja")):
            if path.read_text() in known:
                continue
            for d in chats:
                got = render(path.read_text(), data[d])
                print(path.name, d, "raises" if got is None else "%016x" % fnv(got[0].encode()), file=f)


if __name__ == "__main__":
    main()
