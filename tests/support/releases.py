"""What holds for some releases of MLflow alone."""

from __future__ import annotations

import pytest
from mlflow.version import VERSION
from packaging.version import Version

HAS_SKILLS = Version(VERSION) >= Version("3.18")
SINCE_3_18 = pytest.mark.skipif(not HAS_SKILLS, reason="of MLflow 3.18")
