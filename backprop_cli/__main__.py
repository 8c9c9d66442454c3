"""`python -m backprop_cli` is `bprop`."""

from backprop_cli.cli.main import run

if __name__ == "__main__":
    run()
