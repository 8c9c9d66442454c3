"""Makes the pictures in docs/, docs/operations.md and the function table of the README.

    python docs/make.py [FOLDER]

Pictures go to FOLDER, by default docs/. Tests compare what this makes with what is stored.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from backprop_cli.cli.environment import Environment
from backprop_cli.cli.main import main as bprop
from backprop_cli.engine.lowering.functions import FORMS
from backprop_cli.ir.ops import BY_NAME, OPERATIONS

DOCS = Path(__file__).parent
ROOT = DOCS.parent
BEGIN, END = "<!-- made by docs/make.py: begin -->\n", "<!-- end -->\n"
EXPANDED = {  # families of functions that are not operations of their own, or belong elsewhere
    "making": ("zeros", "ones", "eye", "arange", "linspace"),
    "linear algebra": ("dot",),
    "selection": ("piecewise",),
    "derivative": ("diff", "grad"),
    "loss": ("mse", "mae", "huber", "bce", "bce_logits", "cross_entropy"),
}
PICTURES = {
    "product_of_sums.svg": ["@samples/product_of_sums.bprop"],
    "both_passes.svg": ["@samples/product_of_sums.bprop", "--backward"],
    "factoring_paths.svg": ["@samples/factoring_paths.bprop"],
    "attention.svg": ["@samples/attention.bprop", "--at", "@samples/attention.json"],
}
HEAD = """# Operations

Every operation with its derivative and its choices where calculus is silent. `out` is the value of
the operation and `out̄` the adjoint that arrives at it. Made from the operation table, by
`docs/make.py`; `bprop ops` prints the same in a terminal.

"""
CALLS = """
## How functions are called

| call | meaning |
| --- | --- |
"""
CHOICES = """
## Where the derivative is a choice

| operation | kind | choice |
| --- | --- | --- |
"""


def escaped(text: str) -> str:
    """A text in a cell of a table."""
    return text.replace("|", "\\|")


def run(words: list[str]) -> str:
    """What a command prints."""
    out, err = io.StringIO(), io.StringIO()
    code = bprop(words, Environment(io.StringIO(), out, err, {}))
    if code:
        raise SystemExit(f"bprop {' '.join(words)}: exit {code}\n{err.getvalue()}")
    return out.getvalue()


def draw(folder: Path) -> None:
    for name, words in PICTURES.items():
        program = [f"@{ROOT / word[1:]}" if word.startswith("@") else word for word in words]
        run(["render", *program, "-o", str(folder / name)])


def operations() -> str:
    """The text of operations.md: the table, then what each row says of kinks and domains."""
    notes = [
        f"| `{row.name}` | {note.kind} | {escaped(note.message)} |\n"
        for row in OPERATIONS
        for note in row.notes
    ]
    table = run(["ops", "--format", "markdown"])
    calls = [f"| `{form.signature}` | {escaped(form.summary)} |\n" for form in FORMS.values()]
    return HEAD + table + CALLS + "".join(dict.fromkeys(calls)) + CHOICES + "".join(notes)


def family(name: str) -> str:
    """The family under which a function is listed."""
    listed = [group for group, names in EXPANDED.items() if name in names]
    return listed[0] if listed else BY_NAME[name].family


def functions() -> str:
    """The README's table: the functions of each family, aliases in brackets."""
    spellings: dict[int, list[str]] = {}
    for name, form in sorted(FORMS.items(), key=lambda item: item[0] != item[1].name):
        spellings.setdefault(id(form), []).append(name)
    families: dict[str, list[str]] = {}
    for name, *aliases in spellings.values():
        also = f" ({', '.join(f'`{alias}`' for alias in aliases)})" if aliases else ""
        families.setdefault(family(name), []).append(f"`{name}`{also}")
    lines = [f"| {group} | {' · '.join(names)} |\n" for group, names in families.items()]
    return "| family | functions |\n| --- | --- |\n" + "".join(lines)


def readme() -> str:
    """The README with its table made anew."""
    before, _, rest = (ROOT / "README.md").read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{functions()}{END}{after}"


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
    (DOCS / "operations.md").write_text(operations(), "utf-8")
    (ROOT / "README.md").write_text(readme(), "utf-8")
