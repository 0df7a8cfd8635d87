"""What administrators' JSON shares: what they do, and which account."""

from __future__ import annotations

from ..administration import Administration
from ..store.accounts import Account
from .context import Web


def administration(web: Web) -> Administration:
    """What administrators do, on the server's stores."""
    return Administration(web.services, web.settings.provider_name)


def account(web: Web, name: str) -> Account:
    """The account of that name.

    Raises:
        NotFound: there is none.
    """
    return administration(web).account(name)
