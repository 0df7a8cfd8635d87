"""What is said in the log at start of a provider that does not fit the settings."""

from __future__ import annotations

from .. import logs
from ..settings import Settings
from . import offers, rehearsal
from .faults import ProviderDown, WrongSetting
from .provider import Provider

_logger = logs.logger(__name__)


def tell(provider: Provider, settings: Settings) -> None:
    """Say plainly what will not work: another issuer, a client without the redirect URI, a scope that is left out.

    Outages are not told.
    """
    try:
        provider.probe()
        document = provider.metadata()
        provider.check_reception()
        unknown = rehearsal.unknown_logout(settings, document)
    except WrongSetting as error:
        _logger.error("nobody can log in with %s: %s", settings.discovery_url, error)
        return
    except ProviderDown:
        return
    for url in unknown:
        _logger.warning(
            "after a logout, %s does not return browsers to %s: %s",
            settings.provider_name,
            url,
            rehearsal.LOGOUT_ADVICE,
        )
    why = offers.why_no_recheck(document, settings)
    if why is not None:
        _logger.warning(
            "sessions may never be re-checked: %s. A user who is disabled there stays logged in for up to %s seconds "
            "(PROKUBE_AUTH_SESSION_MAX_SECONDS)",
            why,
            settings.session_max_seconds,
        )
    hint = offers.scope_for_groups(document, settings)
    if hint is not None and not offers.is_keycloak(document, settings):
        _logger.warning("groups may be missing: %s", hint)
