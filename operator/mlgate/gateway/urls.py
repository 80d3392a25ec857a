"""Where an upstream is: the parts of its URL, checked once."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*\.?")
_DEFAULT_PORT = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """``base_path`` has no trailing slash; it is empty for the root. ``is_address``: the host is an IP address, so that
    nothing is to be resolved."""

    scheme: str
    host: str
    port: int
    base_path: str
    is_address: bool

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORT[self.scheme] else f"{host}:{self.port}"


@lru_cache(maxsize=16_384)
def origin(url: str) -> Origin:
    """The parts of an upstream URL.

    Raises:
        ValueError: it is not http(s)://host[:port][/path]; the message says what is wrong with it.
    """
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORT:
        raise ValueError("the upstream URL must start with http:// or https://")
    if parts.username or parts.password or "@" in parts.netloc:
        raise ValueError("the upstream URL must not carry a user or password")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("the upstream URL must not carry a query or fragment")
    try:
        host, port = (parts.hostname or ""), parts.port
    except ValueError:
        raise ValueError("the port of the upstream URL must be 1 to 65535") from None
    if port == 0:
        raise ValueError("the port of the upstream URL must be 1 to 65535")
    is_address = _is_address(host)
    if not is_address and not _HOST.fullmatch(host):
        raise ValueError(f"{host!r} in the upstream URL is not a host name or IP address")
    return Origin(parts.scheme, host, port or _DEFAULT_PORT[parts.scheme], parts.path.rstrip("/"), is_address)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
