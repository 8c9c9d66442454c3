"""Tables in each format."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter

import numpy as np
import pytest
from latex_checks import assert_sound

from backprop_cli.engine.trace import barred
from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.render import delimited, latex_tables, markdown, sheets, tables
from backprop_cli.render.folding import fold
from backprop_cli.render.numbers import elements, number, value
from backprop_cli.render.sheet import Column, Formula, Sheet

SHEET = Sheet(
    [Column("name", style="name"), Column("value", True), Column("derivative", True, "derivative")],
    [["x", 1.0, 2.5403023058681398], ["w_1", np.array([1.0, 2.0]), np.array([0.1, float("inf")])]],
    "x|y = 3",
)


def test_table() -> None:
    assert tables.text([SHEET], 10) == (
        "x|y = 3\n"
        "\n"
        "  name    value    derivative\n"
        " ─────────────────────────────\n"
        "  x           1   2.540302306\n"
        "  w_1    [1, 2]    [0.1, inf]\n"
    )


def test_table_in_color_has_the_same_text() -> None:
    from rich.text import Text

    colored = tables.text([SHEET], 10, width=80, color=True)
    assert "\x1b[" in colored
    plain = Text.from_ansi(colored).plain
    assert [line.rstrip() for line in plain.splitlines()] == tables.text([SHEET], 10).splitlines()


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_table_keeps_to_the_width(width: int) -> None:
    """Long cells fold, nothing is lost."""
    sheet = Sheet([Column("name"), Column("value", True)], [["x" * 50, 1.0]], "t")
    text = tables.text([sheet], 10, width=width)
    assert all(len(line) <= width for line in text.splitlines())
    assert text.count("x") == 50


def _matrix(rows: int, columns: int) -> Sheet:
    heads = [Column("", style="name"), *(Column(f"∂/∂x{k}", True) for k in range(columns))]
    cells = [[f"∂/∂y{i}", *(math.sin(i * k + 1.0) for k in range(columns))] for i in range(rows)]
    return Sheet(heads, cells, "t")


def test_a_wide_matrix_is_cut_into_blocks_of_columns() -> None:
    """Every block repeats the names of the rows; no number is folded."""
    assert tables.text([_matrix(2, 6)], 10, width=80).splitlines() == [
        "t",
        "",
        "                 ∂/∂x0          ∂/∂x1          ∂/∂x2           ∂/∂x3",
        " ────────────────────────────────────────────────────────────────────",
        "  ∂/∂y0   0.8414709848   0.8414709848   0.8414709848    0.8414709848",
        "  ∂/∂y1   0.8414709848   0.9092974268   0.1411200081   -0.7568024953",
        "",
        "                  ∂/∂x4           ∂/∂x5",
        " ───────────────────────────────────────",
        "  ∂/∂y0    0.8414709848    0.8414709848",
        "  ∂/∂y1   -0.9589242747   -0.2794154982",
    ]


def test_a_wide_table_of_one_row_stands_on_its_side() -> None:
    assert tables.text([_matrix(1, 6)], 3, width=40).splitlines()[2:6] == [
        "          ∂/∂y0",
        " ───────────────",
        "  ∂/∂x0   0.841",
        "  ∂/∂x1   0.841",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 132])
@pytest.mark.parametrize(("rows", "columns"), [(1, 9), (3, 30), (1200, 9)])
def test_numbers_are_never_folded(width: int, rows: int, columns: int) -> None:
    sheet = _matrix(rows, columns)
    text = tables.text([sheet], 17, width=width)
    assert max(map(len, text.splitlines())) <= width
    found = Counter(word for word in text.split() if word[-1].isdigit() and "∂" not in word)
    assert found == Counter(number(x, 17) for row in sheet.rows for x in row[1:])


@pytest.mark.parametrize("width", [40, 80])
def test_every_table_of_operations_fits(width: int) -> None:
    text = tables.text(sheets.operations(OPERATIONS, "table"), 10, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "logsumexp(x)" in text


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("= 1·1.1 + (-0.25)·9.025", 16, ["= 1·1.1", "+ (-0.25)·9.025"]),
        ("[1.5e-7, 2.5, …, 3]", 9, ["[1.5e-7,", "2.5, …,", "3]"]),
        ("12*x[0]+sin(y)^2/3", 9, ["12*x[0]", "+sin(y)^2", "/3"]),
        ("  and so on and so on and so on", 21, ["  and so on and so on", "  and so on"]),
        ("x → v1 → v10 → f", 8, ["x → v1", "→ v10", "→ f"]),
        ("v\u03041·v\u03042", 3, ["v\u03041", "·v\u03042"]),
        ("数学数学", 4, ["数学", "数学"]),
        ("", 4, [""]),
    ],
)
def test_folding(text: str, width: int, lines: list[str]) -> None:
    assert fold(text, width).split("\n") == lines


def test_table_without_a_terminal_is_never_folded() -> None:
    sheet = Sheet([Column("name"), Column("value")], [["x" * 500, "y" * 500]], "t" * 500)
    assert "x" * 500 in tables.text([sheet], 10)
    assert "t" * 500 in tables.text([sheet], 10)


def test_a_title_alone() -> None:
    assert tables.text([Sheet([Column("name")], [], "pi = 3.14")], 10) == "pi = 3.14\n"


def test_text_is_not_markup() -> None:
    """Brackets and colons of programs are not rich's markup or emoji."""
    sheet = Sheet([Column("name")], [["[bold]x[/bold] :smile:"]], "[red]t :smile:")
    assert "[bold]x[/bold] :smile:" in tables.text([sheet], 10)
    assert "[red]t :smile:" in tables.text([sheet], 10)


def test_large_tables_are_fast() -> None:
    """100,000 rows are written without rich measuring each of them."""
    sheet = Sheet([Column("name"), Column("value", True)], [[f"x{k}", 1.0] for k in range(100_000)])
    lines = tables.text([sheet], 10).splitlines()
    assert lines[-1].split() == ["x99999", "1"]


def test_csv_has_a_row_for_each_element_and_full_numbers() -> None:
    rows = list(csv.reader(io.StringIO(delimited.text([SHEET]))))
    assert rows == [
        ["name", "index", "value", "derivative"],
        ["x", "", "1.0", "2.5403023058681398"],
        ["w_1", "0", "1.0", "0.1"],
        ["w_1", "1", "2.0", "inf"],
    ]


def test_csv_of_a_matrix() -> None:
    sheet = Sheet([Column("name"), Column("value", True)], [["A", np.array([[1.0, 2.0]])]])
    assert delimited.text([sheet]) == 'name,index,value\nA,"0,0",1.0\nA,"0,1",2.0\n'


def test_markdown() -> None:
    assert markdown.text([SHEET], 6) == (
        "**x\\|y = 3**\n"
        "\n"
        "| name | value | derivative |\n"
        "| --- | ---: | ---: |\n"
        "| x | 1 | 2.5403 |\n"
        "| w\\_1 | \\[1, 2\\] | \\[0.1, inf\\] |\n"
    )


def test_latex() -> None:
    text = latex_tables.text([Sheet([Column("n_1")], [["c\u0304·d → 50%"]], "title")], 6)
    assert text == (
        "% title\n"
        "\\begin{tabular}{l}\n"
        "\\hline\n"
        "n\\_1 \\\\\n"
        "\\hline\n"
        "$\\bar{c}$$\\cdot$d $\\to$ 50\\% \\\\\n"
        "\\hline\n"
        "\\end{tabular}\n"
    )


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (1.0, "1"),
        (-0.0, "-0"),
        (1e300, "1e300"),
        (1e-7, "1e-7"),
        (123456789.125, "123456789.1"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (np.float64(0.5), "0.5"),
        (np.arange(3.0), "[0, 1, 2]"),
        (np.arange(100.0), "[0, 1, 2, 3, …, 99]"),
        (np.eye(2), "[[1, 0], [0, 1]]"),
        ([1.0, [2.0]], "[1, [2]]"),
    ],
)
def test_values(item: object, text: str) -> None:
    assert value(item) == text


def test_a_large_tensor_is_shown_by_its_ends() -> None:
    big = np.arange(1e6).reshape(100, 100, 100)
    shown = value(big)
    assert shown.startswith("[[[0, 1, 2, 3, …, 99], ")
    assert shown.endswith("999999]]]")
    assert len(shown) < 2000


def test_numbers_take_the_digits_asked() -> None:
    assert number(2.5403023058681398, 3) == "2.54"
    assert number(2.5403023058681398, 17) == "2.5403023058681398"


def test_elements_are_in_order() -> None:
    assert list(elements(np.array([[1.0, 2.0], [3.0, 4.0]]))) == [
        ("0,0", 1.0),
        ("0,1", 2.0),
        ("1,0", 3.0),
        ("1,1", 4.0),
    ]
    assert list(elements(2.0)) == [("", 2.0)]


def test_bars() -> None:
    assert barred("v12") == "v\u030412"
    assert barred("loss") == "l\u0305o\u0305s\u0305s\u0305"


def test_latex_of_names_and_adjoints() -> None:
    columns = [Column("node", style="name"), Column("is"), Column("value", True)]
    rows = [
        ["x_1", "= 1", 1.0],
        ["x1", "", 1.0],
        ["theta", "= -3.5e-7", 1.0],
        ["v\u03041", "= v\u03044·(1/x_1) + x\u0304_1·cos(x1)^2", 2.0],
        ["l\u0305o\u0305s\u0305s\u03052", "= W' @ v\u03041", 2.0],
        ["50%", "= scatter(v\u03042)·(-2)^3 + 2^(-1) - x^n", 2.0],
        ["v2", "= [1, 2, …, 9]", 2.0],
        ["v3", "no path_1", 2.0],
    ]
    text = latex_tables.text([Sheet(columns, rows, header=False)], 6)
    assert_sound(text.replace("tabular", "align*").replace(r"\hline", ""))
    assert [line.removesuffix(r" \\") for line in text.splitlines()[2:-2]] == [
        r"$x_{1}$ & $= 1$ & 1",
        r"$\mathtt{x1}$ &  & 1",
        r"$\theta$ & $= -3.5 \cdot 10^{-7}$ & 1",
        r"$\bar{v}_{1}$ & $= \bar{v}_{4} \frac{1}{x_{1}} "
        r"+ \bar{x}_{1} \cos^{2}\left(\mathtt{x1}\right)$ & 2",
        r"$\overline{\mathit{loss}}_{2}$ & $= W^{\top} \, \bar{v}_{1}$ & 2",
        r"50\% & $= \operatorname{scatter}(\bar{v}_{2}) \cdot (-2)^{3} + 2^{-1} - x^{n}$ & 2",
        r"$v_{2}$ & $= [1, 2, \dots , 9]$ & 2",
        r"$v_{3}$ & no path\_1 & 2",
    ]


def test_latex_of_formulas() -> None:
    sheet = Sheet([Column("n")], [], foot=[Formula("2*x_1 - x_1^3/3"), Formula("[x, 1/2]"), "a^b"])
    assert latex_tables.text([sheet], 6).splitlines()[6:] == [
        r"",
        r"$2 x_{1} - \frac{x_{1}^{3}}{3}$",
        r"",
        r"$\begin{bmatrix} x \\ \frac{1}{2} \end{bmatrix}$",
        r"",
        r"a\textasciicircum{}b",
    ]
