"""Keeps circles of files and arrows upward between crates out of the workspace.

    layers.py            checks every crate, tests aside
    layers.py --list     shows each circle with the lines that close it

A file is a module. An arrow leads from a file to the one that defines what a path of it names (`crate::`, `super::`,
`self::`, or a module declared in it); a re-export leads on to where the name is defined. What tests use is not counted.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A crate may use those before it.
LAYERS = [
    {"backup_chain_core"},
    {"backup_chain_aws", "backup_chain_report"},
    {"backup_chain_session", "backup_chain_copy", "backup_chain_retention", "backup_chain_restore"},
    {"backup_chain", "backup_chain_local", "backup_chain_checker"},
    {"backup_chain_deployed"},
    {"backup_chain_tests"},
]
# The embedded AWS knows nothing of what is tested on it.
ALONE = {"backup_chain_local"}
CRATES = ["shared/core", "shared/aws", "shared/report", "shared/local", "shared/deployed", "functions/session", "functions/copy",
          "functions/retention", "functions/restore", "cli"]


def without_noise(text):
    """The code without comments, strings and test modules."""
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r'r#"(?:.|\n)*?"#', '""', text)
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    cut = re.search(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod \w+ \{", text)
    return text[: cut.start()] if cut else text


def expand(tree):
    """The paths of a use tree, `a::{b, c::d as e}` as [a::b, a::c::d]; each with the name that it brings."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        path, _, name = tree.partition(" as ")
        path = [part.strip() for part in path.split("::")]
        return [(path, name.strip() or path[-1])]
    head = [part.strip() for part in tree[:brace].split("::") if part.strip()]
    depth, start, parts = 0, brace + 1, []
    for at in range(brace, len(tree)):
        if tree[at] == "{":
            depth += 1
        elif tree[at] == "}":
            depth -= 1
            if depth == 0:
                parts.append(tree[start:at])
                break
        elif tree[at] == "," and depth == 1:
            parts.append(tree[start:at])
            start = at + 1
    out = []
    for part in parts:
        if part.strip():
            for path, name in expand(part):
                out.append((head + path if path != ["self"] else head, head[-1] if path == ["self"] else name))
    return out


class Crate:
    def __init__(self, folder):
        self.folder = ROOT / folder
        self.files, self.code, self.uses, self.exports = {}, {}, {}, defaultdict(dict)
        self.declared = defaultdict(set)
        root = self.folder / "src/lib.rs"
        self.load((), root if root.exists() else self.folder / "src/main.rs")

    def load(self, module, path):
        self.files[module] = path
        code = self.code[module] = without_noise(path.read_text())
        beside = path.parent if path.name in ("lib.rs", "main.rs", "mod.rs") else path.parent / path.stem
        for test, name in re.findall(r"(#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*)?(?:pub(?:\([a-z]+\))? )?\bmod (\w+);", code):
            if test:
                continue
            self.declared[module].add(name)
            child = beside / f"{name}.rs"
            self.load(module + (name,), child if child.exists() else beside / name / "mod.rs")
        self.uses[module] = []
        for public, tree in re.findall(r"\b(pub(?:\([a-z]+\))? )?use ([^;]+);", code):
            for path_, name in expand(tree):
                if public:
                    self.exports[module][name] = path_
                else:
                    self.uses[module].append(path_)

    def absolute(self, module, path):
        """The path from the crate's root; none for another crate's."""
        path = list(path)
        if path[0] == "crate":
            return tuple(path[1:])
        if path[0] in ("self", "super"):
            at = list(module)
            while path and path[0] in ("self", "super"):
                if path.pop(0) == "super":
                    at.pop()
            return tuple(at + path)
        if path[0] in self.declared[module]:
            return module + tuple(path)
        return None

    def home(self, path, seen=()):
        """The file in which a path from the root ends, re-exports followed."""
        for size in range(len(path), -1, -1):
            module = path[:size]
            if module not in self.files:
                continue
            rest = path[size:]
            if rest:
                exported = self.exports[module].get(rest[0])
                glob = [to for name, to in self.exports[module].items() if name == "*"]
                for to in ([exported] if exported else glob):
                    on = self.absolute(module, to[:-1] if to[-1] == "*" else to)
                    if on is not None and (on, rest) not in seen:
                        return self.home(on + tuple(rest[1:] if exported else rest), seen + ((on, rest),))
            return module
        return ()

    def arrows(self):
        out = defaultdict(lambda: defaultdict(set))
        for module, code in self.code.items():
            paths = list(self.uses[module])
            inline = re.sub(r"\b(?:pub(?:\([a-z]+\))? )?use [^;]+;", "", code)
            paths += [p.split("::") for p in re.findall(r"\b((?:crate|super|self)(?:::\w+)+)", inline)]
            for name in self.declared[module]:
                paths += [p.split("::") for p in re.findall(rf"(?<![:\w])({name}(?:::\w+)+)", inline)]
            brought = {path[-1]: path for path in self.uses[module]}
            for first, rest in re.findall(r"(?<![:\w])([a-z]\w*)((?:::\w+)+)", inline):
                if first in brought and self.absolute(module, brought[first]) in self.files:
                    paths.append(brought[first] + rest.split("::")[1:])
            for path in paths:
                to = self.absolute(module, path)
                if to is None:
                    continue
                if to in self.files and path in self.uses[module]:
                    continue  # A module's name alone: what of it is used shows where.
                home = self.home(to)
                if home != module:
                    out[module][home].add("::".join(path))
        return out


def circles(arrows):
    """The strongly connected components of more than one file (Tarjan)."""
    index, low, stack, on, found, count = {}, {}, [], set(), [], [0]

    def visit(v):
        index[v] = low[v] = count[0]
        count[0] += 1
        stack.append(v)
        on.add(v)
        for w in arrows.get(v, {}):
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in on:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            part = []
            while True:
                w = stack.pop()
                on.discard(w)
                part.append(w)
                if w == v:
                    break
            if len(part) > 1:
                found.append(sorted(part))

    sys.setrecursionlimit(10000)
    for v in list(arrows):
        if v not in index:
            visit(v)
    return found


def main():
    bad = 0
    for folder in CRATES:
        crate = Crate(folder)
        name = re.search(r'^name = "([^"]+)"', (crate.folder / "Cargo.toml").read_text(), re.M)[1].replace("-", "_")
        layer = 0 if name in ALONE else next(i for i, layer in enumerate(LAYERS) if name in layer)
        below = set().union(*LAYERS[:layer])
        for module, code in crate.code.items():
            for other in sorted(set(re.findall(r"\b(backup_chain(?:_[a-z]+)?)::", code)) - {name}):
                if other in set().union(*LAYERS) and other not in below:
                    print(f"{crate.files[module].relative_to(ROOT)}: uses {other}, which is not below it")
                    bad += 1
        arrows = crate.arrows()
        for circle in circles(arrows):
            files = sorted(str(crate.files[m].relative_to(ROOT)) for m in circle)
            bad += len(files)
            print(f"{folder}: these are a circle of files: {', '.join(files)}")
            if "--list" in sys.argv:
                for a in circle:
                    for b, why in sorted(arrows[a].items()):
                        if b in circle:
                            print(f"    {crate.files[a].relative_to(crate.folder / 'src')} -> "
                                  f"{crate.files[b].relative_to(crate.folder / 'src')}: {', '.join(sorted(why))}")
    if bad:
        print(f"{bad} to mend: move what both need into a file below both", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
