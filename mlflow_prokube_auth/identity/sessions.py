"""Flask's session, kept in our table: one cookie, one row, Authlib's state in that row.

The cookie holds ``id.secret``. A row is read only when something looks into the session, so MLflow's own
requests cost nothing here.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin

from ..settings import Settings
from ..store.sessions import NO_KEYCLOAK_SESSION, KeycloakSession, Sessions
from .authenticators import session_cookie


class StoredSession(dict[str, Any], SessionMixin):
    """A session that is loaded when first looked into."""

    def __init__(self, store: Sessions, cookie: tuple[str, str]) -> None:
        super().__init__()
        self._store = store
        self._cookie = cookie
        self._loaded = False
        self.row_id: str | None = None
        self.log_in_as: int | None = None
        self.keycloak = NO_KEYCLOAK_SESSION
        self.life_seconds: int | None = None
        self.ended = False
        self.modified = False

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        if self._cookie[0]:
            row = self._store.find(*self._cookie, int(time.time()))
            if row is not None:
                self.row_id = row.id
                super().update(json.loads(row.data))

    def get(self, key: str, default: Any = None) -> Any:
        """As a dict's, after loading."""
        self._load()
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self._load()
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._load()
        return super().__contains__(key)

    def __iter__(self) -> Any:
        self._load()
        return super().__iter__()

    def keys(self) -> Any:
        """As a dict's, after loading."""
        self._load()
        return super().keys()

    def __setitem__(self, key: str, value: Any) -> None:
        self._load()
        self.modified = True
        super().__setitem__(key, value)

    def pop(self, key: str, *default: Any) -> Any:
        """As a dict's, after loading."""
        self._load()
        self.modified = self.modified or super().__contains__(key)
        return super().pop(key, *default)

    def log_in(self, user_id: int, keycloak: KeycloakSession, life_seconds: int | None = None) -> None:
        """Turn into a new session of ``user_id``; the old id is never used again (session fixation).

        It lives as long as the settings say, or ``life_seconds`` where that is shorter.
        """
        self._load()
        super().clear()
        self.log_in_as = user_id
        self.keycloak = keycloak
        self.life_seconds = life_seconds
        self.modified = True

    def end(self) -> None:
        """End this session."""
        self._load()
        super().clear()
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
