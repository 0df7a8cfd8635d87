"""A `model.skops` made by hand that runs a program when it is loaded, and eyes on the memory of processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml


def _text(value: str) -> dict[str, Any]:
    return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(value)}


def _tuple(*content: dict[str, Any]) -> dict[str, Any]:
    return {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": list(content)}


def _by_operator_call(program: str) -> dict[str, Any]:
    run = {"__class__": "exec", "__module__": "builtins", "__loader__": "TypeNode"}
    call = {"__class__": "call", "__module__": "operator", "__loader__": "OperatorFuncNode"}
    return {**call, "attrs": _tuple(run, _text(program))}


def _by_a_constructor(program: str) -> dict[str, Any]:
    run = {"__class__": "exec", "__module__": "builtins", "__loader__": "ConstructorFromReduceNode"}
    return {**run, "content": _tuple(_text(program))}


@dataclass(frozen=True)
class Way:
    """A way to a call of ``exec``, and the types that must be trusted for it."""

    trusted: tuple[str, ...]
    make: Any


WAYS = {"a constructor": Way(("builtins.exec",), _by_a_constructor)}
if sys.version_info >= (3, 11):  # which brought operator.call
    WAYS["operator.call"] = Way(("operator.call", "builtins.exec"), _by_operator_call)


def skops_file(way: Way, program: str) -> bytes:
    """A file of skops' that runs the program, in a namespace of its own, when all of it is trusted."""
    made = way.make(f"exec({program!r}, {{}})")
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("schema.json", json.dumps({**made, "protocol": 2, "_skops_version": "0.16.0"}))
    return file.getvalue()


def hostile_files(way: Way, program: str) -> dict[str, bytes]:
    """A model whose own metadata trusts all that its program needs."""
    flavor = {"pickled_model": "model.skops", "serialization_format": "skops", "sklearn_version": "1.9.1"}
    metadata = {"flavors": {"sklearn": {**flavor, "skops_trusted_types": list(way.trusted)}}}
    return {"MLmodel": yaml.safe_dump(metadata).encode(), "model.skops": skops_file(way, program)}


def python_whose_skops_trusts_everything(folder: Path) -> Path:
    """An environment like the tests' own, but for a hole in skops: what is behind it must hold by itself."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    ours = sysconfig.get_paths()["purelib"]
    (packages / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    shutil.copytree(Path(ours) / "skops", packages / "skops")
    audit = packages / "skops" / "io" / "_audit.py"
    text, found = re.subn(r"\n    if unsafe:\n", "\n    if False:\n", audit.read_text())
    assert found == 1, "skops' audit looks different now"
    audit.write_text(text)
    return folder / "bin" / "python"


def children_of(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            if f"\nPPid:\t{pid}\n" in status.read_text():
                found.append(int(status.parent.name))
    return found


def holds(pid: int, secret: bytes) -> bool:
    """Whether a process has it in its environment or anywhere in its memory.

    Raises:
        PermissionError: this process may not look there.
    """
    if secret in Path(f"/proc/{pid}/environ").read_bytes():
        return True
    # Sockets and devices of a process may be mapped, too, and cannot be read.
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            if line.split()[1].startswith("r") and start < 1 << 63:
                with suppress(OSError, ValueError):
                    memory.seek(start)
                    if secret in memory.read(end - start):
                        return True
    return False


def sees_all_memory() -> bool:
    """Whether this process may look into those of others whatever they do: CAP_SYS_PTRACE."""
    mask = re.search(r"CapEff:\s*([0-9a-f]+)", Path("/proc/self/status").read_text())
    return os.geteuid() == 0 and mask is not None and bool(int(mask[1], 16) >> 19 & 1)
