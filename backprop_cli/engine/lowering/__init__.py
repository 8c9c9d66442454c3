"""Lowering: names, calls and static values of flat postfix code, and its run into a graph."""
