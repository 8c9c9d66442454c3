"""Where a command writes: standard output, or a file that is written whole or not at all."""

from __future__ import annotations

import os
import re
from types import TracebackType
from typing import IO, Any

from backprop_cli.cli.environment import Environment
from backprop_cli.errors import FileFault, UsageFault

_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
_STREAM = re.compile("/dev/stdout|/dev/stderr|/(?:dev|proc/self)/fd/([0-9]+)")


class Output:
    """A place to write text or bytes. A file appears under its name only when all went well."""

    def __init__(self, environment: Environment, path: str | None) -> None:
        self.environment = environment
        self.path = None if path in (None, "-") else path
        self._file: IO[bytes] | None = None
        self._temporary: str | None = None

    def __enter__(self) -> Output:
        if self.path == "":
            raise UsageFault(
                "-o needs the name of a file", help="-o FILE, or - for standard output"
            )
        if self.path is not None:
            try:
                self._open(self.path)
            except (OSError, ValueError) as failure:
                raise self._fault(failure) from None
        return self

    def _open(self, path: str) -> None:
        if os.path.isdir(path):
            raise IsADirectoryError(21, os.strerror(21))
        stream = _STREAM.fullmatch(path)
        if stream is not None:  # the file behind it may be another's: it is written on, not anew
            number = os.dup(int(_STREAMS.get(path) or stream[1]))
            self._file = open(number, "wb")  # noqa: SIM115 - closed in __exit__
            return
        target = os.path.realpath(path)
        if os.path.exists(target) and not os.path.isfile(target):
            self._file = open(target, "wb")  # noqa: SIM115 - a device or pipe has no other name
            return
        temporary = f"{target}.{os.getpid()}.part"
        self._file = open(temporary, "xb")  # noqa: SIM115 - closed in __exit__
        self._temporary = temporary

    def _fault(self, failure: Exception) -> FileFault:
        reason = getattr(failure, "strerror", None) or str(failure)
        return FileFault(f"cannot write {self.path}: {reason}")

    @property
    def is_file(self) -> bool:
        return self.path is not None

    def write(self, content: str | bytes) -> None:
        if self._file is not None:
            try:
                self._file.write(_bytes(content))
            except OSError as failure:
                raise self._fault(failure) from None
        elif isinstance(content, bytes):
            stream: Any = self.environment.stdout
            stream.flush()
            getattr(stream, "buffer", stream).write(content)
        else:
            self.environment.stdout.write(content)

    def flush(self) -> None:
        if self._file is None:
            self.environment.stdout.flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
            if self._temporary is None:
                return
            if error is not None:
                os.unlink(self._temporary)
                return
            target = os.path.realpath(self.path or "")
            if os.path.exists(target):
                os.chmod(self._temporary, os.stat(target).st_mode & 0o7777)
            os.replace(self._temporary, target)
        except OSError as failure:
            if error is None:
                raise self._fault(failure) from None


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
