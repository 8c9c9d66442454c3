"""The Graphviz inside pygraphviz as a program: `python layout_child.py FORMAT [DPI]`.

Reads DOT on standard input and writes the picture to standard output. A process can be stopped
after a while or by the user; a layout in our own process could not. Imports nothing of bprop.
"""

import sys


def main() -> int:
    import pygraphviz

    source = sys.stdin.buffer.read().decode("utf-8")
    graph = pygraphviz.AGraph(string=source)
    if len(sys.argv) > 2:
        graph.graph_attr["dpi"] = sys.argv[2]
    sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog="dot"))
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
