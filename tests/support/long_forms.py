"""Tests of which a run without ``PROKUBE_TESTS_LONG=1`` has a shorter form: another size, server or signal.

CI is cut at 90 minutes. What is left out proves the same code as what is run, more widely. Run it before a release.
"""

from __future__ import annotations

import os

import pytest

VARIABLE = "PROKUBE_TESTS_LONG"
LONG_FORM = pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"a long form: set {VARIABLE}=1")
