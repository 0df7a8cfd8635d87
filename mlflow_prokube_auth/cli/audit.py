"""``audit``: the audit trail, directly on the database."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timezone

import click

from .common import BACKEND_OPTION, administration, show

UNITS = {"m": 60, "h": 3600, "d": 86400}


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click only
    """A day, a moment in UTC, or how long ago, as UTC seconds."""

    name = "when"

    def convert(self, value: object, param: click.Parameter | None, context: click.Context | None) -> int:
        """UTC seconds."""
        text = str(value).strip()
        ago = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
        if ago:
            return int(time.time()) - int(ago.group(1)) * UNITS[ago.group(2)]
        try:
            found = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            self.fail(f"found {text!r}, expected 30m, 12h, 7d, 2026-01-31 or 2026-01-31T12:00:00Z", param, context)
        return int((found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp())


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command("list", short_help="Show events, newest first.")
@BACKEND_OPTION
@click.option("--since", type=Moment(), help="Only events since then: 30m, 12h, 7d, or a date or time in UTC.")
@click.option("--actor", default="", help="Only events whose actor contains this text.")
@click.option("--action", default="", help="Only events whose action contains this text, such as access_key.create.")
@click.option("--target", default="", help="Words in to what.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_(
    backend_store_uri: str | None, since: int | None, actor: str, action: str, target: str, limit: int, as_json: bool
) -> None:
    """Show events, newest first."""
    with administration(backend_store_uri) as admin:
        found, total = admin.events(actor=actor, action=action, target=target, since=since, size=limit)
    if as_json:
        for event in found:
            click.echo(json.dumps(event, sort_keys=True, ensure_ascii=False))
    else:
        for event in found:
            event["detail"] = [f"{name}={value}" for name, value in event["detail"].items() if value is not None]
        show(
            found, ("at", "actor", "action", "target", "client", "detail"), as_json=False, nothing="There is no event."
        )
    if total > len(found):
        click.echo(f"{total - len(found)} older events are not shown; see --limit.", err=True)
