#!/usr/bin/env python3
"""Checks that no two types of the sources share a name, and that a method's code stays in its own namespace.

What the compiler writes for a type (its destructor, say) is one symbol a name. Where two types of one program have the
same name, the linker lets one destructor serve both, without a word. So a class, enum or alias outside anonymous
namespaces is refused when another file defines its name too; an anonymous namespace in a header is refused because its
types are others in every file that includes it. What stands in the folder of a method, which holds its claims.json, belongs to
assay::METHOD.

usage: tools/check_types.py [ROOT]    prints one line per violation and exits 1 when there is any
"""
import re
import sys
from pathlib import Path

FOLDERS = "core store images datasets kernels diffusion metrics reproductions bench reports gate app tests".split()
ANONYMOUS = "(anonymous)"

# Raw strings, strings, characters (an apostrophe between digits is none), comments; lines of the preprocessor.
NO_CODE = re.compile(r'R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])*\''
                     r"|//(?:\\\n|[^\n])*|/\*.*?\*/", re.DOTALL)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
END = re.compile(r"[{};]|\b(?:public|protected|private) ?:(?!:)")
NAMESPACE = re.compile(r"(?:inline )?namespace\b ?(?P<name>[\w:]*)$")
TYPE = re.compile(r"(?:typedef )?(?:struct|class|union|enum(?: struct| class)?)\b ?(?P<name>[\w:]*(?: ?<.*>)?)"
                  r"(?: final)?(?: ?:(?!:).*)?$")
ALIAS = re.compile(r"using (?P<name>\w+) ?=")
FORWARD = re.compile(r"(?:(?:enum|class|struct|union) )+[\w:]+(?: ?:(?!:).*)?$")
PREFIX = re.compile(r"\btemplate ?(<)|\balignas ?(\()|(\[)\[")
CLOSING = {"<": ">", "(": ")", "[": "]"}


def code_of(text):
    """The text with blanks in place of comments, literals and directives."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return DIRECTIVE.sub(blank, NO_CODE.sub(blank, text))


def without_prefixes(declaration):
    """A declaration in one line, without `template <...>`, `alignas(...)` and attributes."""
    while match := PREFIX.search(declaration):
        opening = match[1] or match[2] or match[3]
        end, depth = match.end(match.lastindex), 1
        while depth and end < len(declaration):
            depth += (declaration[end] == opening) - (declaration[end] == CLOSING[opening])
            end += 1
        declaration = declaration[:match.start()] + " " + declaration[end:]
    return " ".join(declaration.split())


def declarations(text):
    """(kind, scope, name, line) of what stands in namespaces and classes; kind: namespace, type, alias, forward, code."""
    code, begin = code_of(text), 0
    scopes = []  # of each open brace: the name, and whether it holds declarations rather than statements
    for match in END.finditer(code):
        before = code[begin:match.start()]
        line = code.count("\n", 0, match.start() - len(before.lstrip())) + 1
        begin, mark, head = match.end(), match.group(0), without_prefixes(before)
        scope, declares = [name for name, _ in scopes], all(holds for _, holds in scopes)
        if mark == "}" and scopes:
            scopes.pop()
        elif mark == "{":
            found = NAMESPACE.match(head) or TYPE.match(head)
            kind = "code" if not found else "namespace" if found.re is NAMESPACE else "type"
            name = (found["name"] or ANONYMOUS) if found else ""
            scopes.append((name, found is not None))
            if declares:
                yield kind, scope, name, line
        elif mark == ";" and head and declares:
            alias = ALIAS.match(head)
            kind = "alias" if alias else "forward" if FORWARD.match(head) else "code"
            yield kind, scope, alias["name"] if alias else "", line


def violations(root):
    places = {}
    files = [file for folder in FOLDERS for file in sorted((root / folder).rglob("*"))]
    for file in (file for file in files if file.suffix in (".h", ".cpp", ".cu")):
        where = file.relative_to(root)
        in_method = where.parts[0] == "reproductions" and (root / "reproductions" / where.parts[1] / "claims.json").exists()
        home = ["assay", where.parts[1]] if in_method else []
        for kind, scope, name, line in declarations(file.read_text(encoding="utf-8")):
            full = "::".join([*scope, name])
            if kind == "namespace":
                if name == ANONYMOUS and file.suffix == ".h":
                    yield f"{where}:{line}: an anonymous namespace in a header: its types are others in every file"
                continue
            if kind != "forward" and "::".join(scope).split("::")[:len(home)] != home:
                yield f"{where}:{line}: what stands in {where.parent}/ belongs to namespace {'::'.join(home)}"
                home = []  # once a file
            if kind in ("type", "alias") and ANONYMOUS not in [*scope, name]:
                other, other_line = places.setdefault(full, (where, line))
                if other != where:
                    yield f"{where}:{line}: {full} names another type too, in {other}:{other_line}"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    if not any((root / folder).is_dir() for folder in FOLDERS):
        sys.exit(f"{root}: none of the folders {', '.join(FOLDERS)} is here")
    found = list(violations(root))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
