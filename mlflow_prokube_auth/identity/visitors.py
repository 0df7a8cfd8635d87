"""Logins of people whom nobody knows yet: how many may be under way, by the address that they come from.

Each login that begins keeps a row in the database for minutes. Each login that is completed holds a thread of the
server until Keycloak answers, which may take seconds. Each process counts them in memory, so that a refused login
asks the database nothing.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Logins that begin within a minute from one address, in one process. A company behind one address has as many.
BEGINS, MINUTE = 120, 60.0
# Logins that are just being completed, in one process, which has 40 threads; and of them from one address.
COMPLETING, COMPLETING_FROM_ONE = 8, 4
# Addresses that are remembered, those last seen.
ADDRESSES = 10_000


class Visitors:
    """Counts for one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # When an address's present minute began, and how many logins began since.
        self._begun: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._completing: Counter[str] = Counter()

    def may_begin(self, address: str) -> bool:
        """Whether one more login may begin; it is counted where it may."""
        network, now = _network(address), self._clock()
        with self._lock:
            since, number = self._begun.pop(network, (now, 0))
            if since + MINUTE <= now:
                since, number = now, 0
            allowed = number < BEGINS
            self._begun[network] = since, number + allowed
            if len(self._begun) > ADDRESSES:
                self._begun.popitem(last=False)
        return allowed

    @contextmanager
    def completing(self, address: str) -> Iterator[bool]:
        """Around the completion of a login: whether it may go on. It never waits, which would block a thread."""
        network = _network(address)
        with self._lock:
            allowed = self._completing.total() < COMPLETING and self._completing[network] < COMPLETING_FROM_ONE
            self._completing[network] += allowed
        try:
            yield allowed
        finally:
            with self._lock:
                self._completing[network] -= allowed
                if not self._completing[network]:
                    del self._completing[network]


def _network(address: str) -> str:
    """An address, of version 6 the network that its owner chooses addresses in (RFC 6177)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)
