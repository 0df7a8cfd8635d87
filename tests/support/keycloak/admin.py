"""A thin client of Keycloak's Admin REST API: one method for each thing that an administrator does."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

KEY_PROVIDER = "org.keycloak.keys.KeyProvider"


class Admin:
    """Administrator of one realm. Users are named by their Keycloak id, which is the ``sub`` of their tokens."""

    def __init__(self, url: str, realm: str, username: str, password: str) -> None:
        self._url, self._realm = url, realm
        self._credentials = {"username": username, "password": password}
        self._http = httpx.Client(base_url=f"{url}/admin/realms/{realm}", timeout=30)
        self._token, self._until = "", 0.0

    def close(self) -> None:
        """Forget the token and the connections; both are made anew when needed."""
        self._http.close()
        self._http = httpx.Client(base_url=self._http.base_url, timeout=30)
        self._until = 0.0

    def _bearer(self) -> str:
        if time.monotonic() > self._until:  # The master realm's tokens live for a minute.
            answer = self._http.post(
                f"{self._url}/realms/master/protocol/openid-connect/token",
                data={"grant_type": "password", "client_id": "admin-cli", **self._credentials},
            )
            self._token, self._until = answer.raise_for_status().json()["access_token"], time.monotonic() + 30
        return self._token

    def call(self, method: str, path: str, json: Any = None, **params: str) -> httpx.Response:
        """One request below ``/admin/realms/<realm>``.

        Raises:
            httpx.HTTPStatusError: Keycloak refuses; the text holds its answer.
        """
        answer = self._http.request(
            method, path, json=json, params=params or None, headers={"Authorization": f"Bearer {self._bearer()}"}
        )
        if answer.is_error:
            raise httpx.HTTPStatusError(
                f"{method} {path}: {answer.status_code} {answer.text}", request=answer.request, response=answer
            )
        return answer

    @staticmethod
    def _made(answer: httpx.Response) -> str:
        return answer.headers["location"].rsplit("/", 1)[1]

    # --- users --------------------------------------------------------------------------------

    def create_user(
        self, name: str, *, password: str, email: str | None = None, verified: bool = True, groups: Iterable[str] = ()
    ) -> str:
        """A user who can log in at once, in groups named by their full paths; returns the id."""
        user = {
            "username": name,
            "email": email or f"{name}@example.com",
            "emailVerified": verified,
            "enabled": True,
            # Without a name, Keycloak asks for it at the first login.
            "firstName": name.capitalize(),
            "lastName": "Example",
            "groups": list(groups),
            "credentials": [{"type": "password", "value": password, "temporary": False}],
        }
        return self._made(self.call("POST", "/users", user))

    def user(self, user_id: str) -> dict[str, Any]:
        """What Keycloak says about a user."""
        return dict(self.call("GET", f"/users/{user_id}").json())

    def _change(self, user_id: str, **changes: Any) -> None:
        # The whole representation is sent back: Keycloak takes a missing profile field for an emptied one.
        self.call("PUT", f"/users/{user_id}", {**self.user(user_id), **changes})

    def change_email(self, user_id: str, email: str, *, verified: bool = True) -> None:
        """Give a user another e-mail address; the user name at Keycloak stays."""
        self._change(user_id, email=email, emailVerified=verified)

    def set_enabled(self, user_id: str, enabled: bool) -> None:
        """Disable or enable a user. Keycloak sends no back-channel logout for it."""
        self._change(user_id, enabled=enabled)

    def delete_user(self, user_id: str) -> None:
        """Delete a user. Keycloak sends no back-channel logout for it."""
        self.call("DELETE", f"/users/{user_id}")

    def set_groups(self, user_id: str, paths: Iterable[str]) -> None:
        """Make a user a direct member of exactly the groups with these full paths."""
        wanted = {str(self.call("GET", f"/group-by-path/{path.lstrip('/')}").json()["id"]) for path in paths}
        present = {str(group["id"]) for group in self.call("GET", f"/users/{user_id}/groups").json()}
        for group_id in present - wanted:
            self.call("DELETE", f"/users/{user_id}/groups/{group_id}")
        for group_id in wanted - present:
            self.call("PUT", f"/users/{user_id}/groups/{group_id}")

    def sessions(self, user_id: str) -> list[dict[str, Any]]:
        """A user's running SSO sessions; ``id`` is the ``sid`` of tokens."""
        return list(self.call("GET", f"/users/{user_id}/sessions").json())

    def log_out_user(self, user_id: str) -> None:
        """End a user's sessions, with one back-channel logout each."""
        self.call("POST", f"/users/{user_id}/logout")

    def log_out_all(self) -> None:
        """End all sessions of the realm."""
        self.call("POST", "/logout-all")

    # --- groups and roles ---------------------------------------------------------------------

    def create_group(self, path: str) -> str:
        """A group by its full path, its parents included where they are missing; returns the id."""
        group_id, siblings = "", "/groups"
        for name in path.strip("/").split("/"):
            found = self.call("GET", siblings, search=name, exact="true") if siblings == "/groups" else None
            known = {g["name"]: g["id"] for g in (found or self.call("GET", siblings)).json()}
            group_id = known.get(name) or self._made(self.call("POST", siblings, {"name": name}))
            siblings = f"/groups/{group_id}/children"
        return group_id

    def create_role(self, name: str, *, composites: Iterable[str] = ()) -> None:
        """A realm role; with ``composites``, whoever has it has those too."""
        self.call("POST", "/roles", {"name": name})
        parts = [self.call("GET", f"/roles/{part}").json() for part in composites]
        if parts:
            self.call("POST", f"/roles/{name}/composites", parts)

    def assign_role(self, user_id: str, name: str) -> None:
        """Give a user a realm role."""
        self.call("POST", f"/users/{user_id}/role-mappings/realm", [self.call("GET", f"/roles/{name}").json()])

    def withdraw_role(self, user_id: str, name: str) -> None:
        """Take a realm role from a user."""
        self.call("DELETE", f"/users/{user_id}/role-mappings/realm", [self.call("GET", f"/roles/{name}").json()])

    # --- realm and client ---------------------------------------------------------------------

    def rotate_keys(self, *, retire_old: bool = True) -> None:
        """Sign with a new RSA key from now on; ``retire_old`` also takes the old ones out of the JWKS."""
        old = [
            component
            for component in self.call("GET", "/components", type=KEY_PROVIDER).json()
            if component["providerId"] == "rsa-generated"
        ]
        highest = max(int(component["config"].get("priority", ["0"])[0]) for component in old)
        realm_id = self.call("GET", "").json()["id"]
        config = {"priority": [str(highest + 1)], "enabled": ["true"], "active": ["true"], "algorithm": ["RS256"]}
        new = {
            "name": f"rsa-{highest + 1}",
            "providerId": "rsa-generated",
            "providerType": KEY_PROVIDER,
            "parentId": realm_id,
        }
        self.call("POST", "/components", {**new, "config": config})
        for component in old if retire_old else ():
            component["config"] |= {"enabled": ["false"], "active": ["false"]}
            self.call("PUT", f"/components/{component['id']}", component)

    def client(self, client_id: str) -> dict[str, Any]:
        """A client's representation, as it was imported or last changed."""
        return dict(self.call("GET", "/clients", clientId=client_id).json()[0])

    def move_client(self, client_id: str, url: str) -> None:
        """Put ``url`` in the place of the root URL that the client was imported with, wherever it stands."""
        client = self.client(client_id)
        old = client["rootUrl"]

        def moved(value: Any) -> Any:
            if isinstance(value, str):
                return value.replace(old, url)
            if isinstance(value, list):
                return [moved(item) for item in value]
            return {key: moved(item) for key, item in value.items()} if isinstance(value, dict) else value

        self.call("PUT", f"/clients/{client['id']}", moved(client))

    def mappers(self, client_id: str) -> dict[str, dict[str, Any]]:
        """The protocol mappers of a client itself, without those of its scopes, by name."""
        path = f"/clients/{self.client(client_id)['id']}/protocol-mappers/models"
        return {str(mapper["name"]): dict(mapper) for mapper in self.call("GET", path).json()}

    def put_mapper(self, client_id: str, mapper: Mapping[str, Any], **config: str) -> None:
        """Change a mapper, or make it anew where it was deleted; ``config`` replaces entries of its configuration."""
        path = f"/clients/{self.client(client_id)['id']}/protocol-mappers/models"
        changed = {**mapper, "config": {**mapper["config"], **config}}
        present = self.mappers(client_id).get(mapper["name"])
        if present is None:
            self.call("POST", path, {name: value for name, value in changed.items() if name != "id"})
        else:
            self.call("PUT", f"{path}/{present['id']}", {**changed, "id": present["id"]})

    def delete_mapper(self, client_id: str, name: str) -> None:
        """Tell what a mapper tells no more."""
        mapper_id = self.mappers(client_id)[name]["id"]
        self.call("DELETE", f"/clients/{self.client(client_id)['id']}/protocol-mappers/models/{mapper_id}")

    def service_account(self, client_id: str) -> str:
        """Id of the user that stands for a client itself."""
        return str(self.call("GET", f"/clients/{self.client(client_id)['id']}/service-account-user").json()["id"])
