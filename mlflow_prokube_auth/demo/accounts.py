"""The provider's people: who exists, in which groups, and who is disabled."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

# What a Keycloak realm gives everybody; the demo has it so that nobody mistakes these for teams.
DEFAULT_ROLES = ("offline_access", "uma_authorization", "default-roles-demo")


@dataclass(frozen=True)
class DemoUser:
    """One person; ``groups`` are full paths, as Keycloak's group mapper sends them."""

    subject: str
    email: str
    name: str
    groups: tuple[str, ...]
    email_verified: bool = True

    def claims(self) -> dict[str, Any]:
        """What ID token, access token and userinfo say about the person."""
        return {
            "sub": self.subject,
            "email": self.email,
            "email_verified": self.email_verified,
            "name": self.name,
            "preferred_username": self.email,
            "groups": list(self.groups),
        }


DEMO_USERS = (
    DemoUser("demo-alice", "alice@example.com", "Alice Example", ("/prokube-users",)),
    DemoUser("demo-bob", "bob@example.com", "Bob Example", ("/prokube-users",)),
    DemoUser("demo-admin", "admin@example.com", "Ada Admin", ("/prokube-users", "/prokube-admins")),
    DemoUser("demo-mallory", "mallory@example.com", "Mallory Example", ()),
)


class Accounts:
    """The people of one provider, by subject; tests change them while the server runs."""

    def __init__(self, users: Iterable[DemoUser]) -> None:
        self._lock = threading.Lock()
        self._users = {user.subject: user for user in users}
        self._disabled: set[str] = set()

    def everyone(self) -> list[DemoUser]:
        """All people in the order in which they were given, the disabled too."""
        with self._lock:
            return list(self._users.values())

    def get(self, subject: str) -> DemoUser | None:
        """The person of a subject, disabled or not."""
        with self._lock:
            return self._users.get(subject)

    def by_email(self, email: str) -> DemoUser:
        """The person of an e-mail.

        Raises:
            KeyError: nobody has it.
        """
        for user in self.everyone():
            if user.email == email:
                return user
        raise KeyError(f"the demo provider knows no {email}")

    def enabled(self, subject: str) -> bool:
        """Whether the person exists and may log in."""
        with self._lock:
            return subject in self._users and subject not in self._disabled

    def set_enabled(self, email: str, enabled: bool) -> None:
        """Disable or enable a person."""
        user = self.by_email(email)
        with self._lock:
            (self._disabled.discard if enabled else self._disabled.add)(user.subject)

    def change(self, email: str, /, **changes: Any) -> None:
        """Replace fields of a person."""
        user = self.by_email(email)
        with self._lock:
            self._users[user.subject] = replace(user, **changes)
