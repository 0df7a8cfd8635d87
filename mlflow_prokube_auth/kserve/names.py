"""Names in a model's folder."""

from __future__ import annotations

RelativePath = tuple[str, ...]
MLMODEL: RelativePath = ("MLmodel",)
# What the initializer itself writes into the destination begins with this; no file of a model's may.
OURS = ".mlflow-storage-initializer"
