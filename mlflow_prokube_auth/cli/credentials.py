"""``~/.mlflow/credentials``, which the stock client reads (mlflow/utils/credentials.py): an INI file."""

from __future__ import annotations

import configparser
import io
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

SECTION = "mlflow"
USERNAME, PASSWORD = "mlflow_tracking_username", "mlflow_tracking_password"
_KEY = re.compile(rf"\s*(?:{USERNAME}|{PASSWORD})\s*[=:]", re.IGNORECASE)


class CredentialsUnusable(Exception):
    """The file cannot be read, kept or written; the message says why, and never what stands in it."""


class CredentialsFile:
    """The file, looked at first: nothing may be replaced on the server before it is known to be usable."""

    def __init__(self, path: Path | None = None) -> None:
        """See that the file can be read, kept and written.

        Raises:
            CredentialsUnusable: it is no INI file, or the file system refuses.
        """
        self.path = path or Path(os.path.expanduser("~/.mlflow/credentials"))
        # Where the name is a link (into a folder of dotfiles), it stays one.
        self._target = Path(os.path.realpath(self.path))
        self._read()
        try:
            self._target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, probe = self._beside()
            os.close(descriptor)
            os.unlink(probe)
        except OSError as error:
            raise self._refused(error) from None

    def write(self, username: str, password: str) -> None:
        """Put both into the file, all else in it kept; mode 0600 from its creation, and all or nothing.

        Raises:
            CredentialsUnusable: as at first.
        """
        text = merged(self._read(), username, password)
        try:
            descriptor, name = self._beside()
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, self._target)
            except BaseException:
                with suppress(OSError):
                    os.unlink(name)
                raise
        except OSError as error:
            raise self._refused(error) from None

    def _read(self) -> str:
        try:
            text = self._target.read_text(encoding="utf-8")
            _sections(text)
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError:
            raise CredentialsUnusable(f"{self.path} is not text in UTF-8; fix it or move it away") from None
        except configparser.Error as error:  # its own words would quote the line
            raise CredentialsUnusable(
                f"{self.path} is not the INI file that MLflow reads ({type(error).__name__}{_line(error)}); "
                "fix it or move it away"
            ) from None
        except OSError as error:
            raise self._refused(error) from None
        return text

    def _beside(self) -> tuple[int, str]:
        """A new file of mode 0600 in the same folder."""
        return tempfile.mkstemp(dir=self._target.parent, prefix=".credentials-")

    def _refused(self, error: OSError) -> CredentialsUnusable:
        return CredentialsUnusable(f"{self.path} cannot be read and written: {error.strerror or error}")


def merged(text: str, username: str, password: str) -> str:
    """``text`` with both entries in its section, comments and all other entries as they were.

    MLflow reads the file with interpolation, to which ``%`` is special.
    """
    values = {USERNAME: username.replace("%", "%%"), PASSWORD: password.replace("%", "%%")}
    entries = [f"{name} = {value}" for name, value in values.items()]
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        header = configparser.RawConfigParser.SECTCRE.match(line)
        if header is not None:
            inside = header.group("header") == SECTION
        elif inside and _KEY.match(line):
            continue
        lines.append(line)
        if header is not None and inside:
            lines += entries
    before = _sections(text)
    if SECTION not in before:
        lines += [*([""] if lines else []), f"[{SECTION}]", *entries]
    edited = "\n".join(lines) + "\n"
    wanted = {**before, SECTION: {**before.get(SECTION, before["DEFAULT"]), **values}}
    with suppress(configparser.Error):
        if _sections(edited) == wanted:
            return edited
    # Written in a way that a line at a time does not do justice (values over several lines): without comments.
    parser = _parser(text)
    if SECTION not in before:
        parser.add_section(SECTION)
    parser[SECTION].update(values)
    whole = io.StringIO()
    parser.write(whole)
    return whole.getvalue()


def _parser(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return parser


def _sections(text: str) -> dict[str, dict[str, str]]:
    return {name: dict(section) for name, section in _parser(text).items()}


def _line(error: configparser.Error) -> str:
    number = getattr(error, "lineno", None) or next((found[0] for found in getattr(error, "errors", [])), None)
    return f", line {number}" if number else ""
