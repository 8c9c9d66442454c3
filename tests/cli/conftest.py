"""Runs `bprop` in this process, with streams of our own."""

from __future__ import annotations

import pytest
from cli.running import Bprop, run_bprop


@pytest.fixture(scope="session")
def bprop() -> Bprop:
    """A function that runs one command line and returns its code and output."""
    return run_bprop
