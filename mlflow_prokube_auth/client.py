"""``mlflow.server.get_app_client("prokube-auth", tracking_uri=...)``: MLflow's auth client, and what this plugin adds.

It takes the stock client's credentials, and the token of ``MLFLOW_TRACKING_TOKEN_FILE``, read for each request.
Importing this module imports ``mlflow.server.auth``, MLflow's whole authorization app, which takes seconds and needs
the server's packages; nothing else in this package does so for a client.
"""

from __future__ import annotations

import os
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import UNAUTHENTICATED
from mlflow.server.auth.client import AuthServiceClient
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request, verify_rest_response

from .token_file import FileAuth, UnusableToken, chosen

OWN = "/prokube-auth/api"
PAGE_SIZE = 200


class ProkubeAuthClient(AuthServiceClient):  # type: ignore[misc]  # MLflow is untyped
    """Asks with the stock client's credentials; a refusal is an ``MlflowException`` in the server's words.

    Answers are those of ``docs/api.md``. A resource is named by its kind (``experiment``, ``registered_model``,
    ``prompt``, ``gateway_endpoint``, ...) and its id, which of models and prompts is the name.
    """

    def _request(self, endpoint: str, method: str, *, expected_status: int = 200, **options: Any) -> Any:
        """As MLflow's client asks, whose way into a request is an environment variable alone."""
        creds = get_default_host_creds(self.tracking_uri)
        try:
            file = chosen(os.environ)
        except UnusableToken as error:
            raise MlflowException(str(error), error_code=UNAUTHENTICATED) from None
        if file is not None:
            creds.auth = None  # its provider would hold the address of this client for another server's
            options["auth"] = FileAuth(lambda: file, lambda: [self.tracking_uri])
        answer = verify_rest_response(
            http_request(creds, endpoint, method, **options), endpoint, expected_status=expected_status
        )
        return answer.json() if answer.status_code != 204 and answer.content else {}

    def _own(self, method: str, path: str, *, expected: int = 200, **options: Any) -> Any:
        return self._request(f"{OWN}/{path}", method, expected_status=expected, **options)

    def _all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """The items of all pages."""
        given = {name: value for name, value in query.items() if value not in (None, "")}
        found: list[dict[str, Any]] = []
        while True:
            answer = self._own("GET", path, params={**given, "first": len(found), "size": PAGE_SIZE})
            found += answer["items"]
            if not answer["items"] or len(found) >= answer["total"]:
                return found

    # Oneself

    def me(self) -> dict[str, Any]:
        """Who I am, and the state of my access key."""
        return dict(self._own("GET", "me"))

    def permissions(self) -> list[dict[str, Any]]:
        """What I may do, by name and with the reason."""
        found: list[dict[str, Any]] = []
        first, total = 0, 1
        while first < total:  # a page may be short: what is gone for good is left out
            answer = self._own("GET", "permissions", params={"first": first, "size": PAGE_SIZE})
            found += answer["permissions"]
            first, total = first + PAGE_SIZE, answer["total"]
        return found

    # Sharing

    def sharing(self, kind: str, resource_id: str) -> dict[str, Any]:
        """Who holds what on a resource that I manage, and with whom I may share it."""
        return dict(self._own("GET", "sharing", params={"kind": kind, "id": resource_id}))

    def share(
        self, kind: str, resource_id: str, level: str, *, user: str | None = None, team: str | None = None
    ) -> dict[str, Any]:
        """Give a person, or one of my teams, a level on it; it replaces their previous level."""
        return dict(self._own("POST", "sharing", json={**_on(kind, resource_id, user, team), "level": level}))

    def unshare(
        self, kind: str, resource_id: str, *, user: str | None = None, team: str | None = None
    ) -> dict[str, Any]:
        """Remove the permission of a person or a team on it."""
        return dict(self._own("DELETE", "sharing", json=_on(kind, resource_id, user, team)))

    def hand_over(self, kind: str, resource_id: str, user: str) -> dict[str, Any]:
        """Give a person MANAGE and give up mine, in one step."""
        return dict(self._own("POST", "sharing/hand-over", json=_on(kind, resource_id, user, None)))

    # Accounts; all from here on is for administrators

    def users(self, search: str = "") -> list[dict[str, Any]]:
        """People, by name."""
        return self._all("admin/users", search=search)

    def service_accounts(self, search: str = "") -> list[dict[str, Any]]:
        """Service accounts, by name."""
        return self._all("admin/service-accounts", search=search)

    def create_service_account(self, name: str, description: str = "") -> dict[str, Any]:
        """Create a service account; it has no key yet."""
        body = {"name": name, "description": description}
        return dict(self._own("POST", "admin/service-accounts", expected=201, json=body))

    def mint_service_account_key(self, name: str, days: int) -> dict[str, Any]:
        """Not from here: an access key cannot create an access key.

        Raises:
            MlflowException: always, with the two ways there are.
        """
        raise MlflowException(
            f"The access key of '{name}' is made in the browser, by an administrator, or by an operator with "
            f"`mlflow-prokube-auth access-keys create {name} --days {days}`: "
            "an access key cannot create an access key.",
            error_code=UNAUTHENTICATED,
        )

    def _account(
        self, method: str, name: str, what: str = "", *, expected: int = 200, successor: str | None = None
    ) -> Any:
        query = {"user": name, **({"successor": successor} if successor else {})}
        return self._own(method, f"admin/accounts{what}", expected=expected, params=query)

    def revoke_key(self, name: str) -> None:
        """End an account's access key."""
        self._account("DELETE", name, "/key", expected=204)

    def end_sessions(self, name: str) -> None:
        """End an account's sessions."""
        self._account("DELETE", name, "/sessions", expected=204)

    def block(self, name: str) -> dict[str, Any]:
        """Block an account at once."""
        return dict(self._account("POST", name, "/block"))

    def unblock(self, name: str) -> dict[str, Any]:
        """Open it again."""
        return dict(self._account("POST", name, "/unblock"))

    def delete_account(self, name: str, successor: str | None = None) -> dict[str, Any]:
        """Delete an account; the successor manages from then on what nobody else does."""
        return dict(self._account("DELETE", name, successor=successor))

    def kept_names(self, search: str = "") -> list[dict[str, Any]]:
        """The kept names of renamed and deleted accounts; no other account gets one before it is released."""
        return self._all("admin/kept-names", search=search)

    def release_name(self, name: str, *, anyway: bool = False) -> None:
        """Release a kept name; ``anyway``: although jobs, review queues or budgets may still hold it."""
        wanted = {"name": name, "anyway": str(anyway).lower()}
        self._own("DELETE", "admin/kept-names", expected=204, params=wanted)

    def expiring_keys(self) -> list[dict[str, Any]]:
        """Accounts whose key expires within 14 days, soonest first."""
        return self._all("admin/expiring-keys")

    # Teams

    def teams(self, search: str = "") -> list[dict[str, Any]]:
        """Teams with their rules, by name."""
        return self._all("admin/teams", search=search)

    def create_team(self, team: str) -> dict[str, Any]:
        """Create a team whose members administrators choose."""
        return dict(self._own("POST", "admin/teams", expected=201, json={"team": team}))

    def delete_team(self, team: str, successor: str | None = None) -> dict[str, Any]:
        """Delete a team with all its permissions; the successor manages from then on what nobody else does."""
        return dict(
            self._own("DELETE", "admin/teams", json={"team": team, **({"successor": successor} if successor else {})})
        )

    def members(self, team: str) -> list[str]:
        """A team's members."""
        return list(self._own("GET", "admin/team-members", params={"team": team})["members"])

    def join(self, team: str, user: str) -> list[str]:
        """Add an account to a team that administrators manage; all members."""
        return list(self._own("POST", "admin/team-members", json={"team": team, "user": user})["members"])

    def leave(self, team: str, user: str) -> list[str]:
        """Remove an account from a team that administrators manage; all members."""
        return list(self._own("DELETE", "admin/team-members", json={"team": team, "user": user})["members"])

    def add_rule(self, team: str, kind: str, prefix: str, level: str) -> dict[str, Any]:
        """Give a team a level on everything whose name begins with a prefix, now and in the future."""
        body = {"team": team, "kind": kind, "prefix": prefix, "level": level}
        return dict(self._own("POST", "admin/team-rules", expected=201, json=body))

    def delete_rule(self, rule_id: int) -> None:
        """Delete a rule with all permissions that it gave."""
        self._own("DELETE", "admin/team-rules", expected=204, json={"id": rule_id})

    # Resources

    def grants(
        self,
        *,
        user: str | None = None,
        team: str | None = None,
        kind: str | None = None,
        resource_id: str | None = None,
    ) -> list[dict[str, Any]]:
        """All grants of a user, of a team, on a kind, on a resource."""
        return self._all("admin/permissions", user=user, team=team, kind=kind, id=resource_id)

    def explain(self, user: str, kind: str, resource_id: str) -> dict[str, Any]:
        """Why somebody can do what they can do on a resource."""
        return dict(self._own("GET", "admin/explain", params={"user": user, "kind": kind, "id": resource_id}))

    def unowned(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Resources that only administrators manage."""
        return self._all("admin/unowned", kind=kind)

    def assign(self, user: str, resources: list[tuple[str, str]]) -> int:
        """Give an account MANAGE on many resources, each by kind and id; on how many."""
        wanted = [{"kind": kind, "id": resource_id} for kind, resource_id in resources]
        return int(self._own("POST", "admin/assign", json={"user": user, "resources": wanted})["assigned"])

    def trash(self) -> list[dict[str, Any]]:
        """Deleted experiments, whose names are still taken."""
        return self._all("admin/trash")

    def restore(self, experiment_id: str) -> dict[str, Any]:
        """Restore an experiment from the trash."""
        return dict(self._own("POST", "admin/restore", json={"id": experiment_id}))

    def audit(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int = 200,
    ) -> list[dict[str, Any]]:
        """The audit trail, the newest first; ``since`` and ``until`` are UTC seconds."""
        wanted = {"actor": actor, "action": action, "target": target, "since": since, "until": until}
        given = {name: value for name, value in wanted.items() if value is not None}
        found: list[dict[str, Any]] = []
        while len(found) < limit:
            size = min(limit - len(found), PAGE_SIZE)
            items = self._own("GET", "admin/audit", params={**given, "first": len(found), "size": size})["items"]
            found += items
            if len(items) < size:
                break
        return found


def _on(kind: str, resource_id: str, user: str | None, team: str | None) -> dict[str, str]:
    whom = {"user": user, "team": team}
    return {"kind": kind, "id": resource_id, **{name: value for name, value in whom.items() if value is not None}}
