"""Writes templates made by chance and what jinja2 makes of them, in the form of test/data/jinja/golden.json.

    python test/golden/jinja_random.py SEED COUNT FILE
    LORAC_JINJA_GOLDEN=FILE build/release/test/text/test_jinja

The test passes where lorac says that it does not support something, and counts those; everything else has to agree.
"""

import json
import random
import sys

import jinja

NAMES = ["s", "u", "l", "t", "d", "v", "users", "tree", "missing", "x", "y", "ns", "none", "true", "e", "f", "w"]
MORE = {"e": "", "f": -2.5, "w": " \tA b\n\nc-d \u3000", "x": 3, "y": None, "z": {"b": [1, "q"], "A": None}}
TEXTS = ["''", "'a'", "'ab c'", "' x '", "'a,b,,c'", "'é😀'", "'Hello World'", "'1'", "'4.5'", "'a\\nb'", "'%s!'", "'xAx'", "'None'",
         "'name'", "'upper'", "'odd'", "\"it's\"", "'ß'"]
NUMBERS = ["0", "1", "2", "-1", "7", "3.5", "1e3", "10", "0.1", "2.5"]
OPS = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
FILTERS = ["upper", "lower", "title", "capitalize", "trim", "length", "first", "last", "list", "join", "join(', ')", "sort", "reverse",
           "reverse|list", "unique|list", "string", "int", "float", "abs", "round", "round(1)", "sum", "min", "max", "default('D')",
           "d('D', true)", "tojson", "tojson(indent=2)", "items|list", "dictsort", "map('string')|list", "map('upper')|list",
           "map(attribute='name')|list", "map(attribute='b.0')|list", "select|list", "reject|list", "select('odd')|list",
           "select('string')|list", "selectattr('name')|list", "selectattr('age', 'gt', 26)|list", "rejectattr('active')|list",
           "replace('a', 'Z')", "indent", "indent(2, true)", "batch(2)|list", "slice(2)|list", "truncate(8)", "escape", "safe",
           "sort(reverse=true)", "sort(attribute='name')", "wordcount", "int(9)", "count", "trim('x ')", "join('-', attribute='name')",
           "attr('a')", "format(1)", "first|string", "sum(start=10)", "map('length')|list", "unique(true)|list", "tojson|length"]
TESTS = ["defined", "undefined", "none", "string", "number", "mapping", "sequence", "iterable", "boolean", "true", "false", "integer",
         "float", "odd", "even", "divisibleby 2", "eq 1", "in [1, 'a']", "lower", "upper", "callable", "sameas none", "gt 1", "ne 'a'"]
METHODS = ["strip()", "upper()", "lower()", "title()", "split()", "split(',')", "split(' ', 1)", "rsplit(none, 1)", "splitlines()", "items()|list",
           "keys()|list", "values()|list", "get('a')", "get('zz', 1)", "startswith('a')", "endswith(('c', ''))", "replace('a', '')",
           "find('a')", "count('a')", "isdigit()", "isalpha()", "capitalize()", "join(['1', '2'])", "lstrip('a ')", "rstrip()",
           "removeprefix('a')", "partition(' ')", "rpartition(',')", "index(1)", "islower()", "isupper()", "isspace()", "rfind('x', 1)",
           "append(1)", "pop()", "nosuch()", "copy()", "splitlines(true)", "isalnum()"]
ATTRS = ["name", "a", "nested", "x", "items", "length", "nested.x.y", "0", "b", "children"]


class Maker:
    def __init__(self, rng):
        self.rng = rng

    def pick(self, things):
        return self.rng.choice(things)

    def atom(self):
        k = self.rng.random()
        if k < 0.4:
            return self.pick(NAMES)
        if k < 0.65:
            return self.pick(TEXTS)
        if k < 0.85:
            return self.pick(NUMBERS)
        return self.pick(["[]", "{}", "()", "[1, 2, 3]", "{'a': 1, 'b': 'x'}", "(1, 'a')", "range(4)", "[3, 'x', none]", "z", "{1: 2, none: 3}"])

    def expr(self, depth):
        k = self.rng.random()
        if depth <= 0 or k < 0.12:
            return self.atom()
        e = lambda: self.expr(depth - 1)
        if k < 0.37:
            return f"{e()} {self.pick(OPS)} {e()}"
        if k < 0.6:
            return f"{self.wrap(e())}|{self.pick(FILTERS)}"
        if k < 0.7:
            return f"{self.wrap(e())} is {self.pick(['', 'not '])}{self.pick(TESTS)}"
        if k < 0.78:
            return f"{self.wrap(e())}.{self.pick(METHODS)}"
        if k < 0.83:
            return f"{self.wrap(e())}.{self.pick(ATTRS)}"
        if k < 0.87:
            return f"{self.wrap(e())}[{e()}]"
        if k < 0.91:
            part = lambda: self.pick(["", "", "1", "-1", "2", "-2", "0", "5"])
            return f"{self.pick(['s', 'u', 'l', 't', 'w', 'users'])}[{part()}:{part()}{self.pick(['', ':', ':2', ':-1', ':-2'])}]"
        if k < 0.94:
            return f"{e()} if {e()}" + (f" else {e()}" if self.rng.random() < 0.8 else "")
        if k < 0.97:
            return f"[{e()}, {e()}]"
        return f"{self.pick(['not', '-', '+'])} {e()}"

    def wrap(self, e):
        return e if self.rng.random() < 0.3 or e.isidentifier() else f"({e})"

    def tag(self, text):
        return "{%" + self.pick(["", "", "", "-", "+"]) + f" {text} " + self.pick(["", "", "", "-", "+"]) + "%}"

    def space(self):
        return self.pick(["", "", "", " ", "\n", "  \n  ", "a", " b ", "\n\n", "\t", "c\n "])

    def body(self, depth, loops=0):
        return "".join(self.space() + self.node(depth, loops) for _ in range(self.rng.randint(1, 3))) + self.space()

    def node(self, depth, loops):
        k = self.rng.random()
        if depth <= 0 or k < 0.4:
            return "{{" + self.pick(["", "", "-"]) + f" {self.expr(2)} " + self.pick(["", "", "-"]) + "}}"
        b = lambda more=0: self.body(depth - 1, loops + more)
        name = self.pick(["x", "y", "s", "q", "l"])
        if k < 0.5:
            out = self.tag(f"if {self.expr(1)}") + b()
            if self.rng.random() < 0.4:
                out += self.tag(f"elif {self.expr(1)}") + b()
            if self.rng.random() < 0.5:
                out += self.tag("else") + b()
            return out + self.tag("endif")
        if k < 0.66:
            over = self.pick(["l", "t", "u", "range(3)", "d", "users", "[]", "d.items()", "missing", "l|select('odd')", self.expr(1)])
            target = self.pick(["x", "y", "k, v"])
            cond = f" if {self.expr(1)}" if self.rng.random() < 0.25 else ""
            out = self.tag(f"for {target} in {over}{cond}") + b(1)
            out += self.pick(["", "{{ loop.index }}", "{{ loop.last }}", "{{ loop.nextitem }}{{ loop.previtem }}", "{{ loop.length }}", "{{ k }}={{ v }}"])
            if self.rng.random() < 0.3:
                out += self.tag("else") + b()
            return out + self.tag("endfor")
        if k < 0.78:
            return self.tag(f"set {name} = {self.expr(2)}")
        if k < 0.82:
            return self.tag(f"set {name}{self.pick(['', ' | upper', ' | trim'])}") + b(-loops) + self.tag("endset")
        if k < 0.86:
            return self.tag(f"set ns = namespace(a={self.expr(1)})") + self.tag(f"set ns.b = {self.expr(1)}") + "{{ ns.a }}{{ ns.b }}"
        if k < 0.91:
            m = self.pick(["m", "n"])
            out = self.tag(f"macro {m}(x, y={self.expr(1)})") + self.body(depth - 1) + self.tag("endmacro")
            return out + "{{ " + self.pick([f"{m}()", f"{m}(1)", f"{m}('a', 2)", f"{m}(y=s)", f"{m}(1, 2, 3)"]) + " }}"
        if k < 0.93:
            return self.tag(f"filter {self.pick(['upper', 'trim', 'replace(s, u)', 'indent', 'title'])}") + b(-loops) + self.tag("endfilter")
        if k < 0.95:
            return self.tag(f"with {name} = {self.expr(1)}") + b() + self.tag("endwith")
        if k < 0.97:
            return self.tag("raw") + self.space() + "{{ x }}{% y %}" + self.space() + self.tag("endraw")
        if k < 0.985:
            return "{#" + self.pick(["", "-"]) + " c " + self.pick(["", "-", "+"]) + "#}"
        return self.tag(f"if {self.expr(1)}") + self.tag(self.pick(["break", "continue"])) + self.tag("endif") if loops > 0 else ""


def main():
    rng, count = random.Random(int(sys.argv[1])), int(sys.argv[2])
    data, templates, cases = {**jinja.VALUES, **MORE}, [], []
    while len(templates) < count:
        make = Maker(rng)
        text = "{{ " + make.expr(3) + " }}" if rng.random() < 0.5 else make.body(3)
        try:
            got = jinja.render(text, data)
            json.dumps(got and got[0], ensure_ascii=False).encode()
        except Exception:
            continue
        if got and " at 0x" in got[0]:  # an address in memory
            got = None
        cases.append([len(templates), 0] + ([None] if got is None else [got[0]] + ([got[1]] if got[1] else [])))
        templates.append({"name": str(len(templates)), "text": text})
    with open(sys.argv[3], "w") as f:
        json.dump({"now": jinja.NOW, "templates": templates, "data": [data], "cases": cases}, f, ensure_ascii=False)
    print(count, "templates,", sum(c[2] is None for c in cases), "raise")


main()
