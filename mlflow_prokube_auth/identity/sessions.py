"""Flask's session, kept in our table: one cookie, one row, Authlib's state in that row.

The cookie holds ``id.secret``. A row is read only when something looks into the session, so MLflow's own
requests cost nothing here.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin

from ..settings import Settings
from ..store.sessions import NO_KEYCLOAK_SESSION, KeycloakSession, Sessions
from .presented import session_cookie


class StoredSession(SessionMixin):
    """A session that is loaded when first looked into.

    It is a mutable mapping: what is not here (``items``, ``setdefault``, ``update``, ...) is the abstract class's
    (:class:`collections.abc.MutableMapping`), made of these five.
    """

    def __init__(self, store: Sessions, cookie: tuple[str, str]) -> None:
        self._store = store
        self._cookie = cookie
        self._data: dict[str, Any] | None = None
        self.row_id: str | None = None
        self.log_in_as: int | None = None
        self.keycloak = NO_KEYCLOAK_SESSION
        self.life_seconds: int | None = None
        self.ended = False
        self.modified = False

    def _load(self) -> dict[str, Any]:
        if self._data is None:
            row = self._store.find(*self._cookie, int(time.time())) if self._cookie[0] else None
            self.row_id = None if row is None else row.id
            self._data = {} if row is None else json.loads(row.data)
        return self._data

    def __getitem__(self, key: str) -> Any:
        return self._load()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._load()[key] = value
        self.modified = True

    def __delitem__(self, key: str) -> None:
        del self._load()[key]
        self.modified = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())

    def log_in(self, user_id: int, keycloak: KeycloakSession, life_seconds: int | None = None) -> None:
        """Turn into a new session of ``user_id``; the old id is never used again (session fixation).

        It lives as long as the settings say, or ``life_seconds`` where that is shorter.
        """
        self._load().clear()
        self.log_in_as = user_id
        self.keycloak = keycloak
        self.life_seconds = life_seconds
        self.modified = True

    def end(self) -> None:
        """End this session."""
        self._load().clear()
        self.ended = True
        self.modified = True


class StoredSessions(SessionInterface):
    """Opens and saves :class:`StoredSession`."""

    def __init__(self, settings: Settings, store: Sessions) -> None:
        self._settings = settings
        self._store = store

    def open_session(self, app: Flask, request: Request) -> StoredSession:
        """A session that has read nothing yet."""
        cookie = session_cookie(request.headers.get("Cookie", ""), self._settings.session_cookie)
        return StoredSession(self._store, cookie)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write what changed, and set at most one cookie."""
        if not isinstance(session, StoredSession) or not session.modified:
            return
        now = int(time.time())
        if session.ended or session.log_in_as is not None:
            if session.row_id is not None:
                self._store.end(session.row_id)
            if session.ended:
                response.delete_cookie(
                    self._settings.session_cookie, path=self._settings.base_path, secure=self._settings.secure
                )
                return
        elif session.row_id is not None:
            self._store.save(session.row_id, json.dumps(dict(session)))
            return
        life = self._settings.login_seconds if session.log_in_as is None else self._settings.session_max_seconds
        life = min(life, session.life_seconds or life)
        session_id, secret = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        data = json.dumps(dict(session))
        self._store.create(session_id, secret, session.log_in_as, data, now, now + life, session.keycloak)
        response.set_cookie(
            self._settings.session_cookie,
            f"{session_id}.{secret}",
            max_age=life,
            path=self._settings.base_path,
            secure=self._settings.secure,
            httponly=True,
            samesite="Lax",
        )
