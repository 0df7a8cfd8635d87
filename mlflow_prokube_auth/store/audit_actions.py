"""The one table of what the audit trail writes down: an action that is not in it is refused (:mod:`store.audit`).

``docs/audit.md``, the audit page's suggestions and the label of the metric are of these words.
"""

from __future__ import annotations

ACTIONS: dict[str, str] = {
    "login": "somebody logged in through the identity provider",
    "login.denied": "a login was refused: the detail says why",
    "login.local": "a local administrator logged in",
    "login.local.denied": "a local administrator's password was wrong",
    "login.local.lock": "too many wrong passwords: the account waits until then",
    "login.local.refused": "a login to the local page was refused before a password was looked at",
    "logout": "somebody logged out",
    "logout.backchannel": "the identity provider ended sessions",
    "session.end": "an administrator ended an account's sessions",
    "access_key.create": "an access key was created",
    "access_key.replace": "an access key was created, and the one before it ended",
    "access_key.revoke": "an access key was revoked",
    "access_key.consent": "somebody allowed `mlflow-prokube-auth login` to fetch a key",
    "legacy_key.import": "a key of another plugin works here until it ends",
    "workload.bind": "a service account accepts tokens of a trusted issuer",
    "workload.unbind": "a service account no longer accepts such tokens",
    "workload.use": "a token was used for a service account, for the first time on that day (UTC)",
    "user.admin": "the identity provider made somebody an administrator, or no longer one",
    "user.withdraw": "the identity provider does not admit somebody any more",
    "user.readmit": "the identity provider admits somebody again",
    "user.rename": "a user has another name",
    "user.rebind": "an account may be, or was, bound to another identity of the provider",
    "user.rebound": "a login bound an account to another identity, as it was allowed",
    "user.import": "an account was taken over from another plugin",
    "user.block": "an administrator blocked an account",
    "user.unblock": "an administrator unblocked an account",
    "user.delete": "an account was deleted",
    "name.release": "a former user name was released",
    "service.create": "a service account was created",
    "local_admin.set": "a local administrator was made",
    "local_admin.replace": "a local administrator's password was replaced",
    "local_admin.remove": "a local administrator was removed",
    "team.create": "a team was created",
    "team.delete": "a team was deleted",
    "team.join": "somebody is a member of a team",
    "team.leave": "somebody is no longer a member of a team",
    "rule.create": "a team has a rule on names",
    "rule.delete": "a rule on names was deleted",
    "grant.create": "a permission was given",
    "grant.change": "a permission has another level",
    "grant.move": "permissions followed a resource to its new name",
    "grant.delete": "a permission was taken away",
    "member.create": "MLflow's own pages or API gave somebody a role",
    "member.change": "MLflow's own pages or API changed who has a role",
    "member.delete": "MLflow's own pages or API took a role away from somebody",
    "role.create": "MLflow's own pages or API made a role",
    "role.change": "MLflow's own pages or API changed a role",
    "role.delete": "MLflow's own pages or API deleted a role",
}


class UnknownAction(Exception):
    """An action that the table does not have: a mistake in this package."""


def check(action: str) -> None:
    """Whether the table has it.

    Raises:
        UnknownAction: it has not.
    """
    if action not in ACTIONS:
        raise UnknownAction(f"'{action}' is no action of the audit trail. Expected a row in store/audit_actions.py.")
