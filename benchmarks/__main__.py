"""``python -m benchmarks [NAME ...]``: run benchmarks, print their tables, write JSON."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from . import artifacts, concurrency, many_grants, overhead, scale, search, writes
from .report import ROOT, Section, machine, measured, render, save
from .servers import POSTGRESQL, SQLITE, Effort, Stage

BENCHMARKS: dict[str, Callable[[Stage], Section]] = {
    "overhead": overhead.run,
    "writes": writes.run,
    "search": search.run,
    "many-grants": many_grants.run,
    "artifacts": artifacts.run,
    "scale": scale.run,
    "concurrency": concurrency.run,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option(
    "--database",
    "kinds",
    multiple=True,
    type=click.Choice([SQLITE, POSTGRESQL], case_sensitive=False),
    help="Measure on this one alone; default: both, with --quick PostgreSQL alone.",
)
@click.option("--quick", is_flag=True, help="Smaller sizes and fewer rounds: minutes instead of half an hour.")
@click.option("--smoke", is_flag=True, help="See that everything runs; the figures mean nothing.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), default=ROOT / "benchmarks" / "results" / "latest.json",
    show_default=True, help="Where the figures go.",
)  # fmt: skip
def main(names: tuple[str, ...], kinds: tuple[str, ...], quick: bool, smoke: bool, json_file: Path) -> None:
    """Run the benchmarks NAMES, or all of them."""
    effort = Effort.SMOKE if smoke else Effort.QUICK if quick else Effort.FULL
    about = {"machine": machine(), "effort": effort.value}
    sections: list[Section] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # with all servers, as Ctrl-C does
    with (
        tempfile.TemporaryDirectory(prefix="prokube-bench-") as directory,
        Stage(Path(directory), effort, kinds or ((POSTGRESQL,) if quick else (SQLITE, POSTGRESQL))) as stage,
    ):
        if not stage.databases():
            raise click.ClickException(
                "no PostgreSQL server was found; install your system's `postgresql` package, "
                "or measure with --database SQLite"
            )
        for name in names or BENCHMARKS:
            begun = time.monotonic()
            click.echo(f"{name} ...", err=True)
            where, load = machine(), os.getloadavg()[0]
            section = BENCHMARKS[name](stage)
            section.measured = measured(where, effort.value, load, os.getloadavg()[0])
            click.echo(f"{name}: {time.monotonic() - begun:.0f} s", err=True)
            sections.append(section)
            click.echo(f"\n{render(section)}\n")
            save(json_file, sections, about)  # what is measured is kept, whatever happens to the next
    click.echo(f"Written to {json_file}", err=True)


if __name__ == "__main__":
    main()
