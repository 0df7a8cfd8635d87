"""The built wheel, installed alone, holds everything that it needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_migrations_pages_and_nothing_at_top_level(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        check=True, capture_output=True,
    )  # fmt: skip
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mlflow_prokube_auth"}
    for needed in (
        "mlflow_prokube_auth/migrations/env.py",
        "mlflow_prokube_auth/migrations/versions/0007_first_tables.py",
        "mlflow_prokube_auth/web/templates/permissions.html",
        "mlflow_prokube_auth/web/assets/menu.js",
    ):
        assert needed in names
    # Installed beside nothing but the packages of this environment, its migrations are found and run.
    target = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)],
        check=True,
    )
    program = (
        "from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow\n"
        "from mlflow_prokube_auth.store import database as d\n"
        f"assert d.__file__.startswith({str(target)!r}), d.__file__\n"
        f"e = d.open_engine('sqlite:///{tmp_path}/a.db'); d.migrate(e, migrate_mlflow); d.check_schema(e)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env={"PYTHONPATH": str(target)})
