"""All JSON routes in one table: what they take, what they answer and to whom. ``web/routes.py`` is held to it.

What a route takes is a model of ``api_models.py``, which its view gets. What it answers is told by fields, whose type
is ``string``, ``integer``, ``boolean``, ``time`` (ISO 8601, UTC), ``date``, ``object`` or the name of a shape in
:data:`SHAPES`; ``[]`` behind it stands for a list of such, ``?`` for "or null".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import api_models as takes
from .api_fields import Input

ANYBODY, SIGNED_IN, SESSION = "everyone", "everyone who is logged in", "everyone who is logged in with the browser"
ADMIN, ADMIN_SESSION = "administrators", "administrators who are logged in with the browser"


@dataclass(frozen=True)
class Field:
    """A field of an answer."""

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
    query: type[Input] | None = None
    body: type[Input] | None = None
    answer: tuple[Field, ...] | str = ()
    status: int = 200
    refusals: tuple[int, ...] = ()
    form: bool = field(default=False, kw_only=True)


def _maybe(name: str, kind: str, text: str = "") -> Field:
    return Field(name, kind, text, needed=False)


KIND = Field("kind", "string", "experiment, registered_model, prompt, gateway_endpoint, gateway_secret, ...")
ID = Field("id", "string", "the id; of a model, a prompt or an MCP server its name")
USER = Field("user", "string", "a user name")
TEAM = Field("team", "string", "the name of a team")
LEVEL = Field("level", "string", "READ, USE (gateway only), EDIT or MANAGE")
TOTAL = Field("total", "integer", "how many there are, on all pages")
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
        Field("note", "string", "the owner's note; may be empty"),
    ),
    "NewKey": (
        Field("access_key", "string", "shown only once"),
        Field("key_id", "string"),
        Field("expires_at", "time"),
        Field("note", "string"),
        Field("replaced_expires_at", "time?", "when the key before it would have ended, or ended"),
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
    "Name": (Field("username", "string"), Field("display_name", "string")),
    "Resource": (KIND, Field("kind_label", "string"), ID, Field("name", "string")),
    "Holder": (
        Field("kind", "string", "user, team or role"),
        Field("name", "string"),
        Field("level", "string"),
        Field("fixed", "boolean", "from a rule, or for all resources of a kind; change it there"),
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
        Field("key_note", "string"),
        Field("legacy_key_expires_at", "time?", "a key of an old server works until then"),
        Field("legacy_key_last_used_at", "time?"),
        Field("teams", "string[]"),
    ),
    "Workload": (
        Field("id", "integer"),
        Field("issuer", "string"),
        Field("audience", "string"),
        Field("claims", "object", "what the claims of a token must be"),
        Field("state", "string", "active, expired, or not trusted (no longer in the settings)"),
        Field("created_at", "time"),
        Field("expires_at", "time?"),
        Field("last_used_at", "time?"),
        Field("last_used_from", "string?", "a client's address"),
    ),
    "KeptName": (
        Field("name", "string"),
        Field("account", "string?", "the current name of the account that had it; null if it was deleted"),
    ),
    "Use": (Field("table", "string", "of MLflow's"), Field("rows", "integer")),
    "Rule": (Field("id", "integer"), KIND, Field("prefix", "string"), LEVEL),
    "Opened": (KIND, ID, Field("name", "string"), Field("managers", "string[]", "users, teams, roles")),
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
        Field("name", "string?", "of the resource, where the target is its id; null where it is gone"),
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
    Field("by_hand", "string[]", "those whom an administrator may remove"),
)
DELETED = (Field("deleted", "string"), Field("successor", "string?"), Field("inherited", "integer", "resources"))
ROUTES: tuple[Route, ...] = (
    Route("GET", "health", ANYBODY, "Whether the process answers", answer=(Field("status", "string", "ok"),)),
    Route(
        "GET", "ready", ANYBODY, "Whether the database answers and has the tables of this version; otherwise 503",
        answer=(
            Field("status", "string", "ready"),
            Field("schema", "string", "the tables' revision"),
            Field("writable", "boolean", "false on a standby, which serves reads"),
        ),
    ),
    Route(
        "POST", "backchannel-logout", ANYBODY,
        "The identity provider says that a session is over (OpenID Connect Back-Channel Logout)",
        body=takes.LogoutToken, form=True,
    ),
    Route("GET", "api/openapi.json", SIGNED_IN, "This document, OpenAPI 3.1", answer="object"),
    Route(
        "GET", "api/me", SIGNED_IN, "Who I am, and the state of my access key",
        answer=(Field("username", "string"), Field("is_admin", "boolean"), Field("key", "Key?")),
    ),
    Route(
        "GET", "api/permissions", SIGNED_IN, "What I may do, by name and with the reason", query=takes.Search,
        answer=(Field("permissions", "Permission[]", "without those on what is gone for good"), TOTAL),
    ),
    Route(
        "POST", "api/access-key", SESSION, "Create my access key; it replaces the previous one", body=takes.NewKey,
        answer="NewKey", status=201,
    ),
    Route("DELETE", "api/access-key", SESSION, "Revoke my access key", status=204),
    Route(
        "GET", "api/sharing", SIGNED_IN, "Who holds what on a resource that I manage", query=takes.Reference,
        answer="Sharing", refusals=(403,),
    ),
    Route(
        "GET", "api/level", SIGNED_IN, "What I hold on a resource, and whether I may share it", query=takes.Reference,
        answer=(
            KIND, ID,
            Field("level", "string?", "null where I may not read it, or there is none"),
            Field("may_share", "boolean"),
        ),
    ),
    Route(
        "POST", "api/sharing", SIGNED_IN,
        "Give a person, or one of my teams, a level on it; it replaces their previous level",
        body=takes.Share, answer="Sharing", refusals=(403, 404),
    ),
    Route(
        "DELETE", "api/sharing", SIGNED_IN, "Remove the permission of a person or a team on it",
        body=takes.Who, answer="Sharing", refusals=(403, 404),
    ),
    Route(
        "POST", "api/sharing/hand-over", SIGNED_IN, "Give a person MANAGE and give up mine, in one step",
        body=takes.HandOver, answer=(Field("handed_over_to", "string"),), refusals=(403, 404),
    ),
    Route(
        "GET", "api/people", SIGNED_IN,
        "People with whom I share a team or a resource; for administrators, everyone",
        query=takes.Search,
        answer=(Field("items", "Name[]", "the first of them, by name"),),
    ),
    Route(
        "GET", "api/cli", ANYBODY, "What `mlflow-prokube-auth login` must know before it opens a browser",
        answer=(Field("page", "string"), Field("max_days", "integer", "longest life of a key")),
    ),
    Route(
        "POST", "api/cli/consent", SESSION, "Allow a command to fetch one access key",
        body=takes.Consent,
        answer=(_maybe("redirect", "string", "with a port"), _maybe("code", "string", "without one")),
    ),
    Route(
        "POST", "api/cli/token", ANYBODY, "Trade a code and its verifier, the credentials, for the key",
        body=takes.Code, answer="NewKey", status=201,
    ),
    Route("GET", "api/admin/users", ADMIN, "People, by name", query=takes.Search, answer=_items("Account")),
    Route(
        "GET", "api/admin/service-accounts", ADMIN, "Service accounts, by name", query=takes.Search,
        answer=_items("Account"),
    ),
    Route(
        "POST", "api/admin/service-accounts", ADMIN, "Create a service account; it has no key yet",
        body=takes.NewServiceAccount, answer="Account", status=201, refusals=(409,),
    ),
    Route(
        "POST", "api/admin/accounts/key", ADMIN_SESSION,
        "Create a service account's key; it replaces the previous one",
        query=takes.Account, body=takes.NewKey, answer="NewKey", status=201, refusals=(404,),
    ),
    Route(
        "DELETE", "api/admin/accounts/key", ADMIN, "End an account's key", query=takes.Account, status=204,
        refusals=(404,),
    ),
    Route(
        "GET", "api/admin/accounts/workloads", ADMIN, "Tokens of trusted issuers that are a service account",
        query=takes.Account,
        answer=(
            *_items("Workload"),
            Field("issuers", "string[]", "that may be bound to"),
            Field("audiences", "string[]", "names of this server; the first is the default"),
        ),
        refusals=(404,),
    ),
    Route(
        "POST", "api/admin/accounts/workloads", ADMIN_SESSION,
        "Bind a service account to tokens of a trusted issuer; it needs no key then",
        query=takes.Account, body=takes.NewWorkload, answer="Workload", status=201, refusals=(404, 409),
    ),
    Route(
        "DELETE", "api/admin/accounts/workloads", ADMIN, "Remove a binding; its tokens are refused at once",
        query=takes.WorkloadId, status=204, refusals=(404,),
    ),
    Route(
        "DELETE", "api/admin/accounts/sessions", ADMIN, "End an account's sessions", query=takes.Account,
        status=204, refusals=(404,),
    ),
    Route(
        "POST", "api/admin/accounts/block", ADMIN, "Block an account at once", query=takes.Account,
        answer="Account", refusals=(400, 404),
    ),
    Route(
        "POST", "api/admin/accounts/unblock", ADMIN, "Open it again", query=takes.Account, answer="Account",
        refusals=(404,),
    ),
    Route(
        "POST", "api/admin/accounts/rebind", ADMIN_SESSION, "Bind a person's account to another identity",
        query=takes.Account, body=takes.Rebind, status=204, refusals=(400, 404, 409),
    ),
    Route(
        "DELETE", "api/admin/accounts", ADMIN, "Delete an account; its names are kept",
        query=takes.Deletion, answer=DELETED,
        refusals=(404, 409),
    ),
    Route(
        "GET", "api/admin/kept-names", ADMIN, "List the kept names of renamed and deleted accounts",
        query=takes.Search, answer=_items("KeptName"),
    ),
    Route(
        "GET", "api/admin/kept-names/uses", ADMIN, "List where MLflow still keeps a user name",
        query=takes.UsesOfName, answer=_items("Use"),
    ),
    Route(
        "DELETE", "api/admin/kept-names", ADMIN, "Release a kept name, so that any account may get it",
        query=takes.KeptName,
        status=204, refusals=(404, 409),
    ),
    Route(
        "GET", "api/admin/expiring-keys", ADMIN, "Accounts whose key expires within 14 days, soonest first",
        query=takes.Search,
        answer=_items("Account"),
    ),
    Route(
        "GET", "api/admin/teams", ADMIN, "Teams with their rules, by name", query=takes.Search, answer=_items("Team")
    ),
    Route(
        "POST", "api/admin/teams", ADMIN, "Create a team whose members administrators choose", body=takes.NewTeam,
        answer="Team", status=201, refusals=(409,),
    ),
    Route(
        "DELETE", "api/admin/teams", ADMIN, "Delete a team with all its permissions", body=takes.EndOfTeam,
        answer=DELETED, refusals=(404, 409),
    ),
    Route(
        "GET", "api/admin/team-members", ADMIN, "A team's members", query=takes.Team,
        answer=MEMBERS, refusals=(404,),
    ),
    Route(
        "POST", "api/admin/team-members", ADMIN, "Add an account to a team that administrators manage",
        body=takes.Membership, answer=MEMBERS, refusals=(404,),
    ),
    Route(
        "DELETE", "api/admin/team-members", ADMIN, "Remove an account from a team that administrators manage",
        body=takes.Membership,
        answer=MEMBERS, refusals=(404, 409),
    ),
    Route(
        "GET", "api/admin/team-rules/effects", ADMIN,
        "What a rule on names would open to whom, and which names it would close; nothing is changed",
        query=takes.NewRule,
        answer=(
            Field("members", "string[]", "members who gain access"),
            Field("matched", "integer", "existing resources"),
            Field("opens", "Opened[]", "the first 20 of them, by name"),
            Field("closes", "string", "of what such names can be used by members and administrators alone"),
            Field("outsiders", "string[]", "people outside the team who manage a resource with such a name"),
            Field("other_teams", "string[]", "teams whose rules also apply to some of these names"),
            Field("warning", "string", "empty where nothing is unusual"),
        ),
        refusals=(404,),
    ),
    Route(
        "POST", "api/admin/team-rules", ADMIN,
        "Give a team a level on everything whose name begins with a prefix, now and in the future",
        body=takes.NewRule,
        answer=(*SHAPES["Rule"], TEAM, Field("matched", "integer", "existing resources")),
        status=201, refusals=(404, 409),
    ),
    Route(
        "DELETE", "api/admin/team-rules", ADMIN, "Delete a rule with all permissions that it gave", body=takes.RuleId,
        status=204, refusals=(404, 409),
    ),
    Route(
        "GET", "api/admin/permissions", ADMIN, "All grants",
        query=takes.Grants, answer=_items("Grant"),
    ),
    Route(
        "GET", "api/admin/explain", ADMIN, "Why somebody can do what they can do on a resource",
        query=takes.Question,
        answer=(
            USER, KIND, ID, Field("name", "string"), Field("level", "string?", "that comes of all reasons"),
            Field("allows", "string"), Field("reasons", "string[]"),
        ),
        refusals=(404,),
    ),
    Route(
        "GET", "api/admin/unowned", ADMIN,
        "Resources that only administrators manage", query=takes.Unowned,
        answer=_items("Item"),
    ),
    Route(
        "POST", "api/admin/assign", ADMIN, "Give an account MANAGE on many resources at once",
        body=takes.Assignment, answer=(USER, Field("assigned", "integer")), refusals=(404,),
    ),
    Route(
        "GET", "api/admin/trash", ADMIN, "Deleted experiments, whose names are still taken",
        query=takes.Search,
        answer=_items("Trashed"),
    ),
    Route(
        "POST", "api/admin/restore", ADMIN, "Restore an experiment from the trash", body=takes.Experiment,
        answer="Item",
        refusals=(404,),
    ),
    Route(
        "GET", "api/admin/audit", ADMIN, "The audit trail, the newest first",
        query=takes.Events,
        answer=_items("Event"),
    ),
)  # fmt: skip
