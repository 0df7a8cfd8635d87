"""``demo``: everything on this machine, with an embedded identity provider."""

from __future__ import annotations

from pathlib import Path

import click

from .common import needs_server


@click.command(short_help="Start a demo: MLflow with login and four users.")
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port of MLflow.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-data"),
    show_default=True,
    help="Folder for the database and the artifacts.",
)
@click.option("--workers", type=click.IntRange(1, 32), default=1, show_default=True, help="MLflow's workers.")
@click.option("--gunicorn", is_flag=True, help="Serve with gunicorn instead of uvicorn.")
@click.option(
    "--info-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write URI, users and a key for each there as JSON (mode 0600) once the server answers.",
)
def demo(port: int, directory: Path, workers: int, gunicorn: bool, info_file: Path | None) -> None:
    """Run MLflow with login, access keys and four users, on loopback only."""
    needs_server()
    from ..demo.run import run

    run(port, directory, workers, gunicorn, info_file)
