"""Writes docs/performance.md out of measured figures: ``python docs/make_performance.py [RESULTS.json]``.

With a file of ``make bench`` its sections take the place of the published ones of the same name, docs/performance.json;
without, the page is made anew out of those.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.report import page, publish  # noqa: E402 - the checkout's own, wherever this is run

if __name__ == "__main__":
    published = HERE / "performance.json"
    if len(sys.argv) > 1:
        publish(Path(sys.argv[1]), published)
    (HERE / "performance.md").write_text(page(published))
