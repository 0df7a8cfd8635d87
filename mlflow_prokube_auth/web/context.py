"""What pages work with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Response, g, request
from jinja2 import Environment, PackageLoader, select_autoescape

from ..errors import NotServed, Refusal, Unauthenticated
from ..identity.caller import CALLER, Identity, actor_of, current_identity
from ..identity.directory import Directory
from ..identity.middleware import answer
from ..identity.oidc import RelyingParty
from ..identity.presented import cross_site, same_origin
from ..identity.provider import Provider
from ..identity.token_cipher import TokenCipher
from ..identity.visitors import Visitors
from ..model import Actor, Person, Resource
from ..policy.artifacts import ModelArtifacts
from ..policy.guards.table import Guards
from ..policy.names import NamePolicy
from ..prefix import static_prefix, without
from ..services import Services
from ..settings import Settings
from ..store.grants import NameSearch
from . import assets

if TYPE_CHECKING:
    from ..mlflow_auth.auth_store import ProkubeStore
    from ..mlflow_auth.catalog import MlflowCatalog

# What the addresses of MLflow's pages begin with, behind "#/".
MLFLOW_PAGES = frozenset(
    {
        "experiments",
        "runs",
        "compare-runs",
        "models",
        "prompts",
        "gateway",
        "mcp-registry",
        "skills",
        "settings",
        "account",
    }
)
# How the endpoints of our own routes begin.
OWN = "prokube_auth."
# In Flask's ``g``: the answer is a page of ours that tells a refusal.
TOLD = "prokube_told"
# ``{assets}`` is where our scripts are: anything else of the same origin may be an artifact that a user uploaded.
PAGE_POLICY = (
    "default-src 'none'; script-src {assets}; style-src {assets}; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors {frames}"
)
_templates = Environment(
    loader=PackageLoader("mlflow_prokube_auth", "web/templates"), autoescape=select_autoescape(default=True)
)


@dataclass(frozen=True)
class Web:
    """Everything that a page may need, handed in by ``app.py``."""

    settings: Settings
    services: Services
    relying_party: RelyingParty
    store: ProkubeStore
    catalog: MlflowCatalog
    names: NamePolicy
    models: ModelArtifacts
    guards: Guards
    box: TokenCipher
    provider: Provider
    directory: Directory
    visitors: Visitors

    @property
    def base(self) -> str:
        """The browser's path to the server, ending in ``/``."""
        return self.settings.base_path

    def url(self, path: str) -> str:
        """A browser's path to one of our pages."""
        return f"{self.base}prokube-auth/{path}"

    @property
    def assets(self) -> str:
        """The browser's path to our scripts and style sheets, ending in ``/``."""
        return self.url(f"assets/{assets.version()}/")

    def titles(self, resources: Iterable[Resource]) -> dict[Resource, str]:
        """What resources are called, without those that are gone."""
        by_kind: dict[str, list[Resource]] = {}
        for each in resources:
            by_kind.setdefault(each.resource_type, []).append(each)
        found: dict[Resource, str] = {}
        for kind, those in by_kind.items():
            names = self.catalog.titles(kind, [each.pattern for each in those])
            found |= {each: names[each.pattern] for each in those if each.pattern in names}
        return found

    def named(self, words: str) -> NameSearch | None:
        """The resources that a search for these words finds; None without words."""
        return NameSearch(words, self.catalog.matching(words)) if words else None

    def login_url(self) -> str:
        """The login page, from which the browser comes back to the page that it asks for."""
        query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
        target = self.base + without(request.path, static_prefix()).lstrip("/") + query
        return self.url(f"login?next={quote(target, safe='')}")

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A rendered page under the strict content security policy."""
        shared = {
            "base": self.base,
            "assets": self.assets,
            "contact": self.settings.support_contact,
            "provider": self.settings.provider_name,
        }
        html = _templates.get_template(template).render(**shared, **values)
        response = Response(html, status, mimetype="text/html")
        response.headers["Content-Security-Policy"] = self.policy()
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    def policy(self, frames: str = "'self'") -> str:
        """The content security policy of our pages (CSP level 3; a source's path that ends in "/" is a prefix).

        The host is that of the external URL, and the one that the browser asked for, which may be internal.
        """
        path = self.url("assets/")
        hosts = dict.fromkeys((self.settings.origin, f"{request.scheme}://{request.host}"))
        return PAGE_POLICY.format(assets=" ".join(f"{host}{path}" for host in hosts), frames=frames)

    def message(self, status: int, title: str, message: str, *actions: dict[str, Any], command: str = "") -> Response:
        """A page that says one thing and offers what to do next."""
        return self.page("message.html", status, title=title, message=message, actions=list(actions), command=command)

    def no_such_page(self, path: str) -> Response:
        """A mistyped address, to somebody who is logged in; one of MLflow's pages without its "#" leads to the page."""
        begins = path.strip("/").split("/", 1)[0]
        back = {"label": "Open MLflow", "href": self.base, "primary": True}
        meant = {"label": f"Open #{path[:60]}", "href": f"{self.base}#{quote(path)}", "primary": True}
        is_page = begins in MLFLOW_PAGES
        page = self.message(
            NotServed.status,
            NotServed.title,
            f"This server has no page '{path[:200]}'."
            + (" The addresses of MLflow's pages have a # before the path." if is_page else ""),
            *((meant, {**back, "primary": False}) if is_page else (back,)),
        )
        setattr(g, TOLD, True)
        return page

    def refuse(self, refusal: Refusal) -> Response:
        """The refusal as a page where a browser wants one, as JSON elsewhere."""
        if not is_navigation():
            return Response(*answer(refusal))
        page = self.message(
            refusal.status,
            refusal.title,
            refusal.message,
            {"label": "Back to MLflow", "href": self.base, "primary": True},
        )
        page.headers.update(refusal.headers)
        setattr(g, TOLD, True)
        return page


def caller() -> Person:
    """Who is calling. Whether they may, and with which credential, is decided before (``access.py``).

    Raises:
        Unauthenticated: nobody.
    """
    identity = current_identity()
    if identity is None:
        raise Unauthenticated("You are not logged in.")
    return identity.person


def acting() -> Actor:
    """The caller as the one who acts.

    Raises:
        Unauthenticated: nobody is calling.
    """
    return actor_of(caller())


def session_identity() -> Identity:
    """The caller, who must have come with a session: a key can never mint a key.

    Raises:
        Unauthenticated: nobody, or another credential.
    """
    identity = current_identity()
    if identity is None or identity.credential != "session":
        raise Unauthenticated("Log in with the browser first: this needs a session, not an access key or a token.")
    return identity


def client_address() -> str:
    """Where the request came from."""
    caller = CALLER.get()
    return caller.facts.client if caller is not None else request.remote_addr or ""


def need_same_origin(web: Web) -> None:
    """Let a write through only where the browser says that one of our own pages sent it.

    Raises:
        CrossSiteRequest: another site may have sent it, or nobody says who did.
    """
    caller = CALLER.get()
    if caller is None or not same_origin(caller.facts, web.settings.origin):
        raise cross_site(web.settings.origin)


def is_typed() -> bool:
    """Whether a browser says that it opens an address as a page; no script and no client can say so."""
    return request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"


def is_navigation() -> bool:
    """Whether a browser wants a page, rather than a script or a client an answer."""
    mode = request.headers.get("Sec-Fetch-Mode")
    wants_html = "text/html" in request.headers.get("Accept", "")
    return request.method == "GET" and wants_html and mode in (None, "navigate")
