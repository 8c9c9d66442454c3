"""JSON text."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli.render import json_text


def test_what_is_not_finite_is_null_with_an_entry_in_warnings() -> None:
    content = {"value": float("inf"), "gradient": {"x": np.array([1.0, float("nan")])}}
    document = json.loads(json_text.document(content))
    assert document["value"] is None
    assert document["gradient"]["x"] == [1.0, None]
    assert [(w["path"], w["value"]) for w in document["warnings"]] == [
        ("value", "inf"),
        ("gradient.x[1]", "nan"),
    ]


def test_an_entry_that_is_there_is_not_repeated() -> None:
    told = {"kind": "non-finite", "path": "value", "value": "inf"}
    document = json.loads(json_text.document({"value": float("inf"), "warnings": [told]}))
    assert document["warnings"] == [told]


def test_lists_of_objects_have_a_line_each() -> None:
    text = json_text.document({"nodes": [{"id": "x"}, {"id": "y"}], "warnings": []})
    assert text == (
        '{\n  "nodes": [\n    {"id": "x"},\n    {"id": "y"}\n  ],\n  "warnings": []\n}\n'
    )


def test_one_line() -> None:
    text = json_text.document({"nodes": [{"id": "x"}]}, line=True)
    assert text == '{"nodes": [{"id": "x"}], "warnings": []}\n'


def test_letters_stand_as_they_are() -> None:
    assert '"σ"' in json_text.document({"node": "σ"})


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back_equal(number: float) -> None:
    text = json_text.document({"value": number, "array": np.array([number])}, line=True)
    document: dict[str, Any] = json.loads(text)
    assert document["value"] == number
    assert document["array"] == [number]
    assert len([c for c in text.split(",")[0] if c.isdigit()]) <= 17 + 3 + 5
