"""The provider's people: who exists, in which groups, and who is disabled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class DemoUser:
    """One person; ``groups`` are full paths, as Keycloak's group mapper sends them. Providers change copies only."""

    subject: str
    email: str
    name: str
    groups: tuple[str, ...]
    email_verified: bool = True
    enabled: bool = True

    def claims(self) -> dict[str, Any]:
        """What there is to say about the person."""
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


class Accounts(dict[str, DemoUser]):
    """The people of one provider by subject, in the order in which they were given, the disabled too."""

    def by_email(self, email: str) -> DemoUser:
        """The person of an e-mail.

        Raises:
            KeyError: nobody has it.
        """
        for user in list(self.values()):
            if user.email == email:
                return user
        raise KeyError(f"the demo provider knows no {email}")
