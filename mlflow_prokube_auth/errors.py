"""Every refusal: cause, MLflow ``error_code``, HTTP status and words.

The stock client shows ``error_code: message`` for exactly this JSON shape.
"""

from __future__ import annotations

import json
from collections.abc import Iterable


class Refusal(Exception):
    """Base of all refusals; never raised itself."""

    error_code = "INTERNAL_ERROR"
    status = 500
    # Of the page that a browser gets.
    title = "That did not work"

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to this refusal. No ``WWW-Authenticate``: browsers would prompt."""
        return {"Cache-Control": "no-store"}

    def body(self) -> bytes:
        """The JSON body that MLflow's client and UI understand."""
        return json.dumps({"error_code": self.error_code, "message": self.message}).encode()


class Unauthenticated(Refusal):
    """No credential was sent, or it is not valid."""

    error_code = "UNAUTHENTICATED"
    status = 401


class BadCredentials(Unauthenticated):
    """A user name and key, or a token, that nobody has."""


class KeyEnded(Unauthenticated):
    """An access key that was revoked or replaced; its secret was right."""


class KeyExpired(Unauthenticated):
    """An access key past its expiry; its secret was right."""


class AccountOut(Unauthenticated):
    """The credential's owner may not use this server any more."""


class PermissionDenied(Refusal):
    """The caller is known and may not do this."""

    error_code = "PERMISSION_DENIED"
    status = 403


class AdministratorsOnly(PermissionDenied):
    """The caller is known, and no administrator."""

    title = "Only for administrators"


class CrossSiteRequest(PermissionDenied):
    """A cookie came with a write that another site may have made (CSRF)."""


class BadRequest(Refusal):
    """Input that cannot be used."""

    error_code = "INVALID_PARAMETER_VALUE"
    status = 400


class BodyTooLarge(BadRequest):
    """A body that is not read."""

    status = 413


class AddressTooLong(BadRequest):
    """A path or a query that is not looked at."""

    status = 414


class MethodUnknown(Refusal):
    """A method that no route has (RFC 9110, section 15.6.2)."""

    error_code = "NOT_IMPLEMENTED"
    status = 501


class NotFound(Refusal):
    """A page that is not there, or not now."""

    error_code = "RESOURCE_DOES_NOT_EXIST"
    status = 404


class NotServed(Refusal):
    """A path without a route. On this code, MLflow's client tries an older route; on that of a resource it does not."""

    error_code = "ENDPOINT_NOT_FOUND"
    status = 404
    title = "There is no such page"


class MethodNotServed(Refusal):
    """A path that has routes, by other methods (RFC 9110, section 15.5.6)."""

    error_code = "BAD_REQUEST"
    status = 405
    title = "There is no such page"

    def __init__(self, message: str, methods: Iterable[str]) -> None:
        super().__init__(message)
        self.methods = sorted(methods)

    @property
    def headers(self) -> dict[str, str]:
        """What the path takes."""
        return {"Cache-Control": "no-store", "Allow": ", ".join(self.methods)}


class AlreadyExists(Refusal):
    """A name is taken by a resource that the caller may read."""

    error_code = "RESOURCE_ALREADY_EXISTS"
    status = 400


class Conflict(Refusal):
    """Another request changes the same thing in this moment."""

    error_code = "RESOURCE_CONFLICT"
    status = 409


class TooMany(Refusal):
    """More at once than one address, or all of them, may ask for."""

    error_code = "REQUEST_LIMIT_EXCEEDED"
    status = 429

    @property
    def headers(self) -> dict[str, str]:
        """When to try again."""
        return {"Cache-Control": "no-store", "Retry-After": "10"}


class NotOffered(Refusal):
    """An endpoint of MLflow's basic-auth that makes no sense with Keycloak."""

    error_code = "FEATURE_DISABLED"
    status = 400


class Unavailable(Refusal):
    """The database does not answer."""

    error_code = "TEMPORARILY_UNAVAILABLE"
    status = 503

    @property
    def headers(self) -> dict[str, str]:
        """Clients retry a 503 by themselves; tell them when."""
        return {"Cache-Control": "no-store", "Retry-After": "5"}


class Failed(Refusal):
    """What MLflow could not do; each status has the code that its client knows it by (mlflow/exceptions.py)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = CODES.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR")


CODES = {
    400: "INVALID_PARAMETER_VALUE",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    413: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED",
    501: "NOT_IMPLEMENTED",
}
