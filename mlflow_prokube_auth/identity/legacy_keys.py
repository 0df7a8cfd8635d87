"""Keys of another plugin, as Basic password of their owner: accepted until their date.

Checking one costs a slow hash. A password that held is remembered in the process as a digest of it and of the hash in
the row. The row is read for each request, so that a key that was ended opens nothing any more. While such keys are
kept, each wrong password costs a slow hash, so that the time of an answer tells nobody who has one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from cachetools import LRUCache
from werkzeug import security

from ..errors import AccountOut, KeyEnded, KeyExpired, Unavailable
from ..model import Actor
from ..plain import lowered
from ..policy import words
from ..store.access_keys import LAST_USE_SECONDS
from ..store.legacy_keys import LegacyKey, LegacyKeys, LegacyOwner
from . import key_format
from .authenticators import Recently, bad_credentials, roles_of
from .caller import Identity
from .inside import OUR_KEY
from .presented import Presented
from .recheck import AccountRevalidator

# So many passwords are remembered in a process.
MOST_REMEMBERED = 10_000
# After so many wrong passwords with a name within the seconds, no slow hash is spent on that name until they are over.
WRONG_AT_MOST, WRONG_SECONDS = 10, 60
# Two slow hashes at a time leave a worker its CPU. Who has waited for so long, or would be one of too many that wait,
# is told to come back.
AT_A_TIME, WAITING_AT_MOST, TURN_SECONDS = 2, 8, 5.0
# Of keys such as mlf_<prefix>_<secret>, by which a row is found.
_SCHEME, _PREFIX_LENGTH = "mlf", 8


class Remembered:
    """Which passwords held for which rows, and which names were guessed at; nothing that would let anybody in."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._held: LRUCache[int, bytes] = LRUCache(MOST_REMEMBERED)
        self._wrong: LRUCache[str, tuple[float, int]] = LRUCache(MOST_REMEMBERED)
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(AT_A_TIME + WAITING_AT_MOST)
        self._turns = threading.BoundedSemaphore(AT_A_TIME)
        self._stand_in = ""

    def holds(self, key: LegacyKey, name: str, password: str) -> bool:
        """Whether a password, presented with a name, is that of a key.

        Raises:
            Unavailable: too many passwords are being checked.
        """
        digest = hmac.new(self._secret, f"{key.hash}\0{password}".encode(), hashlib.sha256).digest()
        with self._lock:
            held = self._held.get(key.id)
            if held is not None and hmac.compare_digest(held, digest):
                return True
        if not self._spend(name, password, key.hash):
            return False
        with self._lock:
            self._held[key.id] = digest
        return True

    def refuse(self, name: str, password: str) -> None:
        """Spend what a wrong password costs where the name has no key.

        Raises:
            Unavailable: too many passwords are being checked.
        """
        self._stand_in = self._stand_in or security.generate_password_hash(secrets.token_hex(16))
        self._spend(name, password, self._stand_in)

    def _spend(self, name: str, password: str, hashed: str) -> bool:
        """Whether a password is that of a slow hash; False without asking where there were too many guesses."""
        with self._lock:
            since, count = self._wrong.get(name, (0.0, 0))
            if count >= WRONG_AT_MOST and since + WRONG_SECONDS > self._clock():
                return False
        if not self._places.acquire(blocking=False):
            raise _too_many()
        try:
            if not self._turns.acquire(timeout=TURN_SECONDS):
                raise _too_many()
            try:
                holds = _check(hashed, password)
            finally:
                self._turns.release()
        finally:
            self._places.release()
        if not holds:
            with self._lock:
                since, count = self._wrong.get(name, (0.0, 0))
                now = self._clock()
                self._wrong[name] = (since, count + 1) if since + WRONG_SECONDS > now else (now, 1)
        return holds


def _too_many() -> Unavailable:
    return Unavailable("Too many keys of the old server are being checked. Try again in a few seconds.")


def _check(hashed: str, password: str) -> bool:
    try:
        return bool(security.check_password_hash(hashed, password))
    except ValueError:  # a method that werkzeug does not know
        return False


class LegacyKeyCredentials:
    """A key of another plugin, as Basic password of its owner."""

    def __init__(
        self,
        legacy_keys: LegacyKeys,
        revalidator: AccountRevalidator,
        recently: Recently,
        keys_url: str,
        contact: str,
    ) -> None:
        """``keys_url`` is the page of access keys, ``contact`` whom to ask."""
        self._legacy_keys = legacy_keys
        self._revalidator = revalidator
        self._recently = recently
        self._keys_url = keys_url
        self._contact = contact
        self._remembered = Remembered()

    def __call__(self, given: Presented) -> Identity | None:
        """As :class:`Authenticator`."""
        if given.scheme != "basic":
            return None
        username, text = given.basic() or ("", "")
        password = text.strip()
        if not password or password.startswith(OUR_KEY) or key_format.wrapping(password) is not None:
            return None
        if "\0" in username:
            raise bad_credentials(self._keys_url)
        found = self._found(lowered(username.strip()), password)
        return None if found is None else self._identity(found, given)

    def _found(self, name: str, password: str) -> LegacyOwner | None:
        prefix, now = _prefix_of(password), int(time.time())
        candidates = [each for each in self._legacy_keys.of_name(name, now) if each.key.prefix == prefix]
        if not candidates and self._legacy_keys.exist(now):
            self._remembered.refuse(name, password)
        return next((each for each in candidates if self._remembered.holds(each.key, name, password)), None)

    def _identity(self, found: LegacyOwner, given: Presented) -> Identity:
        key, now = found.key, int(time.time())
        if key.ended_at is not None:
            raise KeyEnded(
                f"This key of the old server was {key.ended_by} on {words.moment(key.ended_at)}. "
                f"Create an access key at {self._keys_url}"
            )
        if key.expires_at <= now:
            raise KeyExpired(
                f"This key of the old server expired on {words.moment(key.expires_at)}. "
                f"Create an access key at {self._keys_url}"
            )
        # Before the first login nothing says that its owner is still an administrator.
        person, roles = replace(found.person, is_admin=False), None
        if found.standing is not None:
            person = self._revalidator.for_standing(found.standing)
            roles = roles_of(found.standing, person)
        if person.user_id != key.user_id:
            raise AccountOut(f"The owner of this key may not use this server any more. Ask {self._contact}.")
        actor = Actor(person.username, now, given.facts.client, person.user_id)
        self._recently.note(f"legacy:{key.id}", now, LAST_USE_SECONDS, lambda: self._legacy_keys.used(key.id, actor))
        return Identity(person, "legacy key", roles=roles, header=given.header)


def _prefix_of(password: str) -> str | None:
    scheme, _, rest = password.partition("_")
    prefix, _, secret = rest.partition("_")
    return prefix if scheme == _SCHEME and len(prefix) == _PREFIX_LENGTH and secret else None
