"""All JSON routes in one table: what they take, what they answer and to whom. A test holds ``web/routes.py`` to it.

A type is ``string``, ``integer``, ``boolean``, ``time`` (ISO 8601, UTC), ``date``, ``object`` or the name of a shape in
:data:`SHAPES`; ``[]`` behind it stands for a list of such, ``?`` for "or null".
"""

from __future__ import annotations

from dataclasses import dataclass, field

ANYBODY, SIGNED_IN, SESSION = "anybody", "signed in", "signed in with the browser"
ADMIN, ADMIN_SESSION = "administrators", "administrators, signed in with the browser"


@dataclass(frozen=True)
class Field:
    """A parameter, a field of a body or of an answer."""

    name: str
    type: str
    text: str = ""
    needed: bool = True


@dataclass(frozen=True)
class Route:
    """A method on a path below ``/prokube-auth/``. Status 204 stands for an answer without a body."""

    method: str
    path: str
    who: str
    summary: str
    query: tuple[Field, ...] = ()
    body: tuple[Field, ...] = ()
    answer: tuple[Field, ...] | str = ()
    status: int = 200
    refusals: tuple[int, ...] = ()
    form: bool = field(default=False, kw_only=True)


def _maybe(name: str, kind: str, text: str = "") -> Field:
    return Field(name, kind, text, needed=False)


KIND = Field("kind", "string", "experiment, registered_model, prompt, gateway_endpoint, gateway_secret, ...")
ID = Field("id", "string", "the id; of a model, a prompt or an MCP server its name")
NAMED = Field("id", "string", "the id, or the name")
ANY_ID = Field("id", "string", "the id, or with a kind the name", needed=False)
USER = Field("user", "string", "a user name")
ACCOUNT = Field("user", "string", "the name of the account")
TEAM = Field("team", "string", "the name of a team")
EITHER = (_maybe("user", "string", "a user name; this or `team`"), _maybe("team", "string", "this or `user`"))
LEVEL = Field("level", "string", "READ, USE (gateway only), EDIT or MANAGE")
PAGE = (_maybe("first", "integer", "from 0"), _maybe("size", "integer", "50 unless told, at most 200"))
SEARCH = _maybe("search", "string", "words in the name")
LIFE = (_maybe("days", "integer", "life in days; this or `expires_on`"), _maybe("expires_on", "date", "its last day"))
TOTAL = Field("total", "integer", "how many there are, on all pages")
TIMES = (_maybe("since", "integer", "UTC seconds since 1970"), _maybe("until", "integer", "the same"))
ITEM = (
    KIND,
    Field("kind_label", "string"),
    ID,
    Field("name", "string"),
    Field("workspace", "string"),
    Field("trashed", "boolean"),
)

SHAPES: dict[str, tuple[Field, ...]] = {
    "Key": (
        Field("key_id", "string"),
        Field("created_at", "time"),
        Field("expires_at", "time"),
        Field("days_left", "integer"),
        Field("expires_soon", "boolean"),
        Field("state", "string", "active or expired"),
        Field("last_used_at", "time?"),
        Field("last_used_from", "string?", "a client's address"),
    ),
    "NewKey": (
        Field("access_key", "string", "told this once"),
        Field("key_id", "string"),
        Field("expires_at", "time"),
        Field("username", "string"),
        Field("tracking_uri", "string"),
    ),
    "Permission": (
        Field("kind", "string"),
        Field("kind_label", "string"),
        Field("name", "string"),
        Field("href", "string?", "its page in MLflow's UI"),
        Field("level", "string"),
        Field("reason", "string"),
        Field("share", "string?", "the page to share it on"),
    ),
    "Resource": (KIND, Field("kind_label", "string"), ID, Field("name", "string")),
    "Holder": (
        Field("kind", "string", "user, team or role"),
        Field("name", "string"),
        Field("level", "string"),
        Field("fixed", "boolean", "by a rule or for all of a kind: changed there"),
    ),
    "Sharing": (
        Field("resource", "Resource"),
        Field("holders", "Holder[]"),
        Field("teams", "string[]", "with which the caller may share it"),
        Field("levels", "string[]", "that may be given"),
    ),
    "Account": (
        Field("username", "string"),
        Field("display_name", "string"),
        Field("kind", "string", "person, service or local"),
        Field("is_admin", "boolean"),
        Field("status", "string", "active, blocked, disabled or never logged in"),
        Field("last_login_at", "time?"),
        Field("key_expires_at", "time?"),
        Field("key_last_used_at", "time?"),
        Field("teams", "string[]"),
    ),
    "KeptName": (
        Field("name", "string"),
        Field("account", "string?", "the present name of the account that had it; null where it is deleted"),
    ),
    "Rule": (Field("id", "integer"), KIND, Field("prefix", "string"), LEVEL),
    "Team": (TEAM, Field("from_keycloak", "boolean", "its members follow a group"), Field("rules", "Rule[]")),
    "Grant": (
        Field("holder_kind", "string", "user, team or role"),
        Field("holder", "string"),
        Field("level", "string"),
        KIND,
        Field("kind_label", "string"),
        ID,
        Field("name", "string?", "null where it is gone"),
        Field("workspace", "string"),
        Field("fixed", "boolean"),
        Field("shared", "boolean", "of a kind that is shared, and one resource"),
    ),
    "Item": ITEM,
    "Trashed": (*ITEM, Field("managers", "string[]")),
    "Reference": (KIND, ID),
    "Event": (
        Field("at", "time"),
        Field("actor", "string"),
        Field("action", "string"),
        Field("target", "string"),
        Field("client", "string", "an address"),
        Field("detail", "object"),
    ),
    "Error": (Field("error_code", "string", "as MLflow's client knows it"), Field("message", "string")),
}


def _items(shape: str) -> tuple[Field, ...]:
    return (Field("items", f"{shape}[]"), TOTAL)


MEMBERS = (
    TEAM,
    Field("from_keycloak", "boolean"),
    Field("members", "string[]", "user names"),
    Field("by_hand", "string[]", "those of them whom an administrator may take out"),
)
HEIR = _maybe("heir", "string", "who manages from then on what nobody else does")
DELETED = (Field("deleted", "string"), Field("heir", "string?"), Field("inherited", "integer", "resources"))
ROUTES: tuple[Route, ...] = (
    Route("GET", "health", ANYBODY, "Whether the process answers", answer=(Field("status", "string", "ok"),)),
    Route(
        "GET", "ready", ANYBODY, "Whether the database answers and has this version's tables; else 503",
        answer=(
            Field("status", "string", "ready"),
            Field("schema", "string", "the tables' revision"),
            Field("writable", "boolean", "false on a standby, which serves reads"),
        ),
    ),
    Route(
        "POST", "backchannel-logout", ANYBODY,
        "Keycloak says that a session is over (OpenID Connect Back-Channel Logout)",
        body=(Field("logout_token", "string", "signed by Keycloak; the only credential"),), form=True,
    ),
    Route("GET", "api/openapi.json", SIGNED_IN, "This document, OpenAPI 3.1", answer="object"),
    Route(
        "GET", "api/me", SIGNED_IN, "Who I am, and the state of my access key",
        answer=(Field("username", "string"), Field("is_admin", "boolean"), Field("key", "Key?")),
    ),
    Route(
        "GET", "api/permissions", SIGNED_IN, "What I may do, by name and with the reason", query=PAGE,
        answer=(Field("permissions", "Permission[]", "without those on what is gone for good"), TOTAL),
    ),
    Route(
        "POST", "api/access-key", SESSION, "Create my access key, replacing the one before", body=LIFE,
        answer="NewKey", status=201,
    ),
    Route("DELETE", "api/access-key", SESSION, "Revoke my access key", status=204),
    Route(
        "GET", "api/sharing", SIGNED_IN, "Who holds what on a resource that I manage", query=(KIND, ID),
        answer="Sharing", refusals=(403,),
    ),
    Route(
        "POST", "api/sharing", SIGNED_IN,
        "Give a person, or one of my teams, a level on it, in the place of the one before",
        body=(KIND, ID, *EITHER, LEVEL), answer="Sharing", refusals=(403, 404),
    ),
    Route(
        "DELETE", "api/sharing", SIGNED_IN, "Take away what a person or a team was given on it",
        body=(KIND, ID, *EITHER), answer="Sharing", refusals=(403, 404),
    ),
    Route(
        "POST", "api/sharing/hand-over", SIGNED_IN, "Give a person MANAGE and give up my own, at once",
        body=(KIND, ID, USER), answer=(Field("handed_over_to", "string"),), refusals=(403, 404),
    ),
    Route(
        "GET", "api/cli", ANYBODY, "What `mlflow-prokube-auth login` must know before it opens a browser",
        answer=(Field("page", "string"), Field("max_days", "integer", "longest life of a key")),
    ),
    Route(
        "POST", "api/cli/consent", SESSION, "Allow a command to fetch one access key",
        body=(
            _maybe("port", "string", "where it listens on 127.0.0.1; without, the code is shown for pasting"),
            Field("state", "string"), Field("challenge", "string", "S256"), Field("days", "string"),
            Field("name", "string", "of the computer"),
        ),
        answer=(_maybe("redirect", "string", "with a port"), _maybe("code", "string", "without one")),
    ),
    Route(
        "POST", "api/cli/token", ANYBODY, "Trade a code and its verifier, the credentials, for the key",
        body=(Field("code", "string"), Field("verifier", "string")), answer="NewKey", status=201,
    ),
    Route("GET", "api/admin/users", ADMIN, "People, by name", query=(SEARCH, *PAGE), answer=_items("Account")),
    Route(
        "GET", "api/admin/service-accounts", ADMIN, "Service accounts, by name", query=(SEARCH, *PAGE),
        answer=_items("Account"),
    ),
    Route(
        "POST", "api/admin/service-accounts", ADMIN, "Make a service account; it has no key yet",
        body=(Field("name", "string"), _maybe("description", "string")), answer="Account", status=201, refusals=(409,),
    ),
    Route(
        "POST", "api/admin/accounts/key", ADMIN_SESSION,
        "Make a service account's key, replacing the one before",
        query=(ACCOUNT,), body=LIFE, answer="NewKey", status=201, refusals=(404,),
    ),
    Route(
        "DELETE", "api/admin/accounts/key", ADMIN, "End an account's key", query=(ACCOUNT,), status=204,
        refusals=(404,),
    ),
    Route(
        "DELETE", "api/admin/accounts/sessions", ADMIN, "End an account's sessions", query=(ACCOUNT,),
        status=204, refusals=(404,),
    ),
    Route(
        "POST", "api/admin/accounts/block", ADMIN, "Shut an account at once", query=(ACCOUNT,),
        answer="Account", refusals=(400, 404),
    ),
    Route(
        "POST", "api/admin/accounts/unblock", ADMIN, "Open it again", query=(ACCOUNT,), answer="Account",
        refusals=(404,),
    ),
    Route(
        "DELETE", "api/admin/accounts", ADMIN, "Delete an account; its names are kept",
        query=(ACCOUNT, HEIR), answer=DELETED,
        refusals=(404, 409),
    ),
    Route(
        "GET", "api/admin/kept-names", ADMIN, "List the kept names of renamed and deleted accounts",
        query=(SEARCH, *PAGE), answer=_items("KeptName"),
    ),
    Route(
        "DELETE", "api/admin/kept-names", ADMIN, "Release a kept name, so that any account may get it",
        query=(
            Field("name", "string", "the former name"),
            _maybe("anyway", "boolean", "release it although jobs, review queues or budgets may still hold the name"),
        ),
        status=204, refusals=(404, 409),
    ),
    Route(
        "GET", "api/admin/expiring-keys", ADMIN, "Whose key expires within 14 days, the next first", query=PAGE,
        answer=_items("Account"),
    ),
    Route(
        "GET", "api/admin/teams", ADMIN, "Teams with their rules, by name", query=(SEARCH, *PAGE), answer=_items("Team")
    ),
    Route(
        "POST", "api/admin/teams", ADMIN, "Make a team whose members are chosen by hand", body=(TEAM,), answer="Team",
        status=201, refusals=(409,),
    ),
    Route(
        "DELETE", "api/admin/teams", ADMIN, "End a team with all that it holds", body=(TEAM, HEIR), answer=DELETED,
        refusals=(404, 409),
    ),
    Route(
        "GET", "api/admin/team-members", ADMIN, "A team's members", query=(TEAM,),
        answer=MEMBERS, refusals=(404,),
    ),
    Route(
        "POST", "api/admin/team-members", ADMIN, "Make an account a member of a team made by hand", body=(TEAM, USER),
        answer=MEMBERS, refusals=(404,),
    ),
    Route(
        "DELETE", "api/admin/team-members", ADMIN, "Take an account out of a team made by hand", body=(TEAM, USER),
        answer=MEMBERS, refusals=(404, 409),
    ),
    Route(
        "POST", "api/admin/team-rules", ADMIN, "Give a team a level on what bears a name prefix, now or one day",
        body=(TEAM, KIND, Field("prefix", "string"), LEVEL),
        answer=(*SHAPES["Rule"], TEAM, Field("matched", "integer", "resources that are there now")),
        status=201, refusals=(404, 409),
    ),
    Route(
        "DELETE", "api/admin/team-rules", ADMIN, "End a rule with all that it gave", body=(Field("id", "integer"),),
        status=204, refusals=(404, 409),
    ),
    Route(
        "GET", "api/admin/permissions", ADMIN, "All grants",
        query=(*(_maybe(name, "string") for name in ("user", "team", "kind")), ANY_ID, *PAGE), answer=_items("Grant"),
    ),
    Route(
        "GET", "api/admin/explain", ADMIN, "Why somebody can do what they can do on a resource",
        query=(USER, KIND, NAMED),
        answer=(
            USER, KIND, ID, Field("name", "string"), Field("level", "string?", "that comes of all reasons"),
            Field("allows", "string"), Field("reasons", "string[]"),
        ),
        refusals=(404,),
    ),
    Route(
        "GET", "api/admin/unowned", ADMIN,
        "What nobody manages but administrators", query=(_maybe("kind", "string"), *PAGE),
        answer=_items("Item"),
    ),
    Route(
        "POST", "api/admin/assign", ADMIN, "Give an account MANAGE on many resources at once",
        body=(USER, Field("resources", "Reference[]")), answer=(USER, Field("assigned", "integer")), refusals=(404,),
    ),
    Route(
        "GET", "api/admin/trash", ADMIN, "Deleted experiments, whose names are still taken", query=PAGE,
        answer=_items("Trashed"),
    ),
    Route(
        "POST", "api/admin/restore", ADMIN, "Take an experiment out of the trash", body=(ID,), answer="Item",
        refusals=(404,),
    ),
    Route(
        "GET", "api/admin/audit", ADMIN, "The audit trail, the newest first",
        query=(*(_maybe(name, "string", "words in it") for name in ("actor", "action", "target")), *TIMES, *PAGE),
        answer=_items("Event"),
    ),
)  # fmt: skip
