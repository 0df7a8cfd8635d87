"""Which types a model may be made of: those that skops trusts by itself, and those that the operator names.

A model's own files name none: whoever can log a model could trust their own program. And what the operator names is a
class of a data library, never a function or a class of what runs, reads or writes things: skops calls what it trusts
with arguments out of the model's file.
"""

from __future__ import annotations

import importlib
import re
import sys

_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", re.ASCII)
EXAMPLE = "sklearn.tree._tree.Tree"
# Beside Python's own modules: what loads or runs other things, or is ours.
REFUSED_PACKAGES = frozenset(
    {
        "__main__", "cloudpickle", "dill", "joblib", "mlflow", "mlflow_prokube_auth", "pip", "pkg_resources",
        "requests", "setuptools", "skops", "urllib3", "yaml",
    }
)  # fmt: skip


class NotTrustable(ValueError):
    """The operator names what is never trusted; the message says what is expected."""


def names(text: str) -> tuple[str, ...]:
    """The names in a setting, separated by commas or spaces.

    Raises:
        NotTrustable: one of them can be no class of a data library's.
    """
    found = tuple(dict.fromkeys(text.replace(",", " ").split()))
    for name in found:
        if not _NAME.fullmatch(name):
            raise NotTrustable(f"found '{name}', expected the full names of classes, such as {EXAMPLE}")
        _check_package(name, name)
    return found


def check_class(name: str) -> None:
    """Import a name, which must be that of a class, as the class itself says.

    Raises:
        NotTrustable: it is none.
    """
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        raise NotTrustable(f"found '{name}', which is not installed, expected a class such as {EXAMPLE}") from None
    if not isinstance(found, type):
        raise NotTrustable(f"found '{name}', which is no class: functions are never trusted")
    real = f"{found.__module__}.{found.__qualname__}"
    _check_package(name, real)
    if real != name:
        raise NotTrustable(f"found '{name}', expected the name that the class itself has: {real}")


def _check_package(name: str, real: str) -> None:
    package = real.partition(".")[0]
    if package in sys.stdlib_module_names or package in REFUSED_PACKAGES:
        raise NotTrustable(
            f"found '{name}', which is never trusted: what '{package}' holds can run programs or read files; expected "
            f"classes of data libraries, such as {EXAMPLE}"
        )
