"""JAX: pure, so that `jax.jit` takes it; in 64 bits where JAX is told so."""

from __future__ import annotations

import re

from backprop_cli.render.source_code.language import Row, call
from backprop_cli.render.source_code.layout import Layout
from backprop_cli.render.source_code.lines import Function
from backprop_cli.render.source_code.numpy_code import LANGUAGE as NUMPY_LANGUAGE
from backprop_cli.render.source_code.numpy_code import ROWS as NUMPY_ROWS
from backprop_cli.render.source_code.numpy_code import Style, of_arrays
from backprop_cli.render.source_code.numpy_helpers import JAX

_NP = re.compile(r"\bnp\.")

# like NumPy, but for SciPy's functions and what is no number before it is an array
ROWS: dict[str, Row] = {
    **{
        name: row._replace(template=_NP.sub("jnp.", row.template))
        for name, row in NUMPY_ROWS.items()
    },
    "where": Row("jnp.where({0:c}, {1}, {2})"),
    "erf": call("jax.scipy.special.erf"),
    "arange": Row("jnp.arange({bounds}, dtype=float)"),
}

LANGUAGE = NUMPY_LANGUAGE._replace(name="jax", title="JAX", rows=ROWS, helpers=JAX)

STYLE = Style(
    {"math.": "import math\n", "jax.": "import jax\n", "jnp.": "import jax.numpy as jnp\n"},
    "{0} = jnp.asarray({0}, dtype=float)",
    "jnp.asarray({0})",
    notes=('For 64-bit floats: jax.config.update("jax_enable_x64", True)',),
    prepared='    import jax\n\n    jax.config.update("jax_enable_x64", True)\n',
)


def layout(made: Function) -> Layout:
    return of_arrays(made, STYLE)
