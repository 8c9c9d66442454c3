"""Pipes, terminals, files and interruption, mostly in processes of their own."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.running import Bprop

BPROP = [sys.executable, "-m", "backprop_cli"]
GRAD = ["grad", "x*y + sin(x)", "--at", "x=1,y=2"]
TABLE = (
    "x*y + sin(x) = 2.841470985\n"
    "\n"
    "  name   value    derivative\n"
    " ────────────────────────────\n"
    "  x          1   2.540302306\n"
    "  y          2             1\n"
)


def run(*words: str, stdin: str | None = None, **more: object) -> subprocess.CompletedProcess[str]:
    settings: dict[str, object] = {"capture_output": True, "text": True, "timeout": 60, **more}
    source = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run([*BPROP, *words], **source, **settings)  # type: ignore[call-overload,no-any-return]


def test_a_pipe_gets_plain_text() -> None:
    done = run(*GRAD)
    assert (done.returncode, done.stdout, done.stderr) == (0, TABLE, "")


def test_output_is_utf8_whatever_the_locale() -> None:
    environment = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert run(*GRAD, env=environment, encoding="utf-8").stdout == TABLE


def in_terminal(words: list[str], columns: int = 80, **variables: str) -> str:
    """What a command writes to a terminal."""
    main, side = pty.openpty()
    environment = {
        "PATH": os.environ["PATH"],
        "TERM": "xterm",
        "COLUMNS": str(columns),
        **variables,
    }
    child = subprocess.Popen(
        [*BPROP, *words], stdin=side, stdout=side, stderr=side, env=environment
    )
    os.close(side)
    parts = []
    while True:
        try:
            part = os.read(main, 4096)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    child.wait(60)
    os.close(main)
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_a_terminal_gets_color() -> None:
    text = in_terminal(GRAD)
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert [line.rstrip() for line in plain.splitlines()] == TABLE.splitlines()


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_on_request(variables: dict[str, str]) -> None:
    assert in_terminal(GRAD, **variables) == TABLE
    assert "\x1b[" in in_terminal([*GRAD, "--color", "always"], **variables)


def test_color_never_and_always(bprop: Bprop) -> None:
    assert bprop(*GRAD, "--color", "never", tty=True).out == TABLE
    assert "\x1b[" in bprop(*GRAD, "--color=always").out
    assert "\x1b[1;31m" in bprop("grad", "x +", "--color", "always").err
    assert "\x1b" not in bprop("grad", "x +", "--color", "never", tty=True).err
    assert "\x1b" not in bprop("grad", "x +").err


@pytest.mark.parametrize("columns", [30, 80, 200])
def test_tables_fit_the_terminal(columns: int) -> None:
    text = in_terminal(
        [
            "trace",
            "; ".join(f"v{k} = v{k - 1}*x + sin(v{k - 1})" for k in range(1, 9)),
            "--at",
            "v0=0.123456789,x=1.987654321",
            "--color=never",
        ],
        columns,
    )
    assert all(len(line.replace("\u0304", "")) <= columns for line in text.splitlines())


def test_head_ends_quietly() -> None:
    points = "".join(f'{{"x": {k}}}\n' for k in range(20_000))
    command = " ".join([*(f"'{word}'" for word in BPROP), "grad 'x^2' --at -"])
    done = subprocess.run(
        f"{command} | head -n 2",
        shell=True,
        input=points,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""


def test_a_closed_pipe_ends_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*BPROP, *GRAD], stdout=write, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(write)
    assert done.stderr == b""


def test_interruption() -> None:
    child = subprocess.Popen(
        [*BPROP, "grad", "-", "--at", "x=1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    time.sleep(1.0)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert (child.returncode, out, err) == (130, b"", b"")


def test_points_stream() -> None:
    """Each line is answered before the next one comes."""
    child = subprocess.Popen(
        [*BPROP, "grad", "x^2", "--at", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    for x in (1.0, 2.0):
        child.stdin.write(json.dumps({"x": x}) + "\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline())["gradient"] == {"x": 2 * x}
    child.stdin.close()
    child.stdout.close()
    assert child.wait(20) == 0


def test_stdin_is_the_program() -> None:
    done = run("grad", "-", "--at", "x=1,y=2", stdin="x*y + sin(x)")
    assert done.stdout == TABLE


def test_stdin_that_is_no_text() -> None:
    done = subprocess.run([*BPROP, "grad", "-"], input=b"\xffx", capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, b"error: standard input is not text in UTF-8\n")


def test_stdin_is_never_read_unasked(bprop: Bprop) -> None:
    assert bprop("eval", "1 + 1", stdin="2 + 2").out == "1 + 1 = 2\n"


def test_stdin_twice_is_refused(bprop: Bprop) -> None:
    for words in (["-", "--at", "-"], ["x", "--at", "-", "--at", "-"]):
        result = bprop("grad", *words, stdin="x")
        assert result.err == (
            "error: standard input can be read once only\n"
            "help: put one of the two into a file: @FILE\n"
        )
        assert result.code == 2


def test_output_to_a_file(bprop: Bprop, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    result = bprop(*GRAD, "--json", "-o", str(path))
    assert (result.code, result.out, result.err) == (0, "", "")
    assert json.loads(path.read_text())["gradient"] == {"x": 2.5403023058681398, "y": 1.0}
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_output_to_a_file_has_no_color(bprop: Bprop, tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    bprop(*GRAD, "-o", str(path), tty=True, width=20)
    assert path.read_text() == TABLE


def test_a_failure_leaves_the_file_as_it_was(bprop: Bprop, tmp_path: Path) -> None:
    path, points = tmp_path / "out.jsonl", tmp_path / "points.jsonl"
    path.write_text("before")
    points.write_text('{"x": 1}\n{"x": "bad +"}\n')
    result = bprop("grad", "x^2", "--at", f"@{points}", "-o", str(path))
    assert result.code == 2
    assert path.read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_keeps_its_mode_and_its_links(bprop: Bprop, tmp_path: Path) -> None:
    path, link = tmp_path / "out.txt", tmp_path / "link.txt"
    path.write_text("before")
    path.chmod(0o640)
    link.symlink_to(path)
    assert bprop(*GRAD, "-o", str(link)).code == 0
    assert link.is_symlink()
    assert path.read_text() == TABLE
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_output_to_a_device(bprop: Bprop) -> None:
    assert bprop(*GRAD, "-o", "/dev/null").code == 0


def test_output_to_stdout(bprop: Bprop) -> None:
    assert bprop(*GRAD, "-o", "-").out == TABLE


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_output_to_the_stream_of_a_log_writes_on(tmp_path: Path, name: str) -> None:
    """The log keeps what was in it: it is not replaced as a file of that name would be."""
    log = tmp_path / "log.txt"
    with log.open("w") as file:
        for line in ("before\n", None, "after\n"):
            if line is None:
                run(*GRAD, "-o", name, capture_output=False, stdout=file)
            else:
                file.write(line)
                file.flush()
    assert log.read_text() == f"before\n{TABLE}after\n"


def test_output_to_where_nothing_can_be_written(bprop: Bprop, tmp_path: Path) -> None:
    for path, reason in [
        (tmp_path / "none" / "out", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ]:
        result = bprop(*GRAD, "-o", str(path))
        assert (result.code, result.out) == (2, "")
        assert result.err == f"error: cannot write {path}: {reason}\n"


def test_a_full_disk(bprop: Bprop) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    result = bprop(*GRAD, "-o", "/dev/full")
    assert result.code == 2
    assert result.err == "error: cannot write /dev/full: No space left on device\n"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*BPROP, *GRAD], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 2
    assert done.stderr == "error: cannot write standard output: No space left on device\n"


def test_a_picture_is_kept_from_the_terminal(bprop: Bprop) -> None:
    result = bprop("render", "x*y", "--format", "png", "--color", "never", tty=True)
    assert result.err == "error: a png would disturb the terminal\nhelp: -o graph.png\n"
    assert bprop("render", "x*y", "--format", "png").binary.startswith(b"\x89PNG")


def test_a_bug_of_ours_ends_in_70(bprop: Bprop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("backprop_cli.engine.program.open_program", fail)
    monkeypatch.setattr("backprop_cli.cli.inputs.open_program", fail)
    result = bprop("grad", "x")
    assert (result.code, result.out) == (70, "")
    assert result.err.startswith(
        "error: this is a bug in bprop: RuntimeError: broken\nhelp: please"
    )


def test_memory_that_is_not_there(bprop: Bprop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("backprop_cli.cli.inputs.open_program", fail)
    result = bprop("grad", "x")
    assert result.err == "error: there is not enough memory for this\n"
    assert result.code == 2
