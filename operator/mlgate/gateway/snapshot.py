"""Rendered resources as protobuf, each with a version that is a hash of its content.

Only what changed is encoded again; the one large resource (all routes) is put together from virtual hosts that are
encoded on their own. A misspelt field or a wrong type is found here, by Envoy's own descriptors, before anything is
sent. Versions are hashes of the canonical JSON, not of the bytes: protobuf's bytes are not canonical, and after a
restart an equal configuration must have an equal version, so that a reconnecting proxy is sent nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.json_format import ParseDict, ParseError

from mlgate.gateway.descriptors import message_class, pool
from mlgate.gateway.render.types import ROUTES, SECRET, Json

_VIRTUAL_HOSTS = "virtual_hosts"


@dataclass(frozen=True, slots=True)
class Resource:
    """One encoded resource. Its message may hold a secret and is not shown."""

    name: str
    version: str
    message: AnyMessage = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All resources of one gateway at one time: type URL -> name -> resource. Equal content has an equal version."""

    version: str
    resources: Mapping[str, Mapping[str, Resource]]


@dataclass(frozen=True, slots=True)
class Unencodable:
    """A resource that Envoy's schema does not allow. ``part`` names the virtual host or Envoy route inside it."""

    type_url: str
    resource: str
    part: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """``snapshot`` is None when something could not be encoded."""

    snapshot: Snapshot | None
    faults: tuple[Unencodable, ...]


class Encoder:
    """Encodes the resources of ONE gateway, remembering the last ones."""

    def __init__(self) -> None:
        self._resources: dict[tuple[str, str], tuple[Json, Resource]] = {}
        self._hosts: dict[str, tuple[Json, bytes, str]] = {}

    def encode(self, rendered: Mapping[str, Mapping[str, Json]]) -> Encoded:
        """The snapshot of what was rendered, or why there is none. Remembers only what is still in use."""
        faults: list[Unencodable] = []
        done: dict[tuple[str, str], tuple[Json, Resource]] = {}
        resources: dict[str, dict[str, Resource]] = {}
        for type_url, by_name in rendered.items():
            for name, content in by_name.items():
                known = self._resources.get((type_url, name))
                if known is None or known[0] != content:
                    made = self._encode(type_url, name, content)
                    if isinstance(made, Unencodable):
                        faults.append(made)
                        continue
                    known = (content, made)
                done[type_url, name] = known
                resources.setdefault(type_url, {})[name] = known[1]
        if faults:
            return Encoded(None, tuple(faults))
        self._resources = done
        return Encoded(Snapshot(_overall_version(resources), resources), ())

    def _encode(self, type_url: str, name: str, content: Json) -> Resource | Unencodable:
        message = AnyMessage(type_url=type_url)
        try:
            if type_url == ROUTES:
                message.value, version = self._routes(content)
            else:
                message.value, version = _bytes(type_url, content), _version(content)
        except _Part as part:
            return Unencodable(type_url, name, part.name, str(part))
        except (ParseError, KeyError, ValueError, TypeError) as wrong:
            # A parser's words may repeat the value it stumbled over.
            reason = "its content does not fit Envoy's schema" if type_url == SECRET else str(wrong)
            return Unencodable(type_url, name, None, reason)
        return Resource(name, version, message)

    def _routes(self, content: Json) -> tuple[bytes, str]:
        """Protobuf messages merge by concatenation, so each virtual host is encoded once and appended as it is."""
        rest = {key: value for key, value in content.items() if key != _VIRTUAL_HOSTS}
        hosts: dict[str, tuple[Json, bytes, str]] = {}
        versions = [_version(rest)]
        pieces = [_bytes(ROUTES, rest)]
        for host in content[_VIRTUAL_HOSTS]:
            known = self._hosts.get(host["name"])
            if known is None or known[0] != host:
                known = (host, _virtual_host(host), _version(host))
            hosts[host["name"]] = known
            pieces.append(known[1])
            versions.append(known[2])
        self._hosts = hosts
        return b"".join(pieces), _version(versions)


class _Part(ValueError):
    """A part of a resource that does not fit, with the part's name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name


def _virtual_host(host: Json) -> bytes:
    try:
        return _bytes(ROUTES, {_VIRTUAL_HOSTS: [host]})
    except (ParseError, KeyError, ValueError, TypeError) as wrong:
        for route in host.get("routes", ()):
            try:
                _bytes(ROUTES, {_VIRTUAL_HOSTS: [{"routes": [route]}]})
            except (ParseError, KeyError, ValueError, TypeError) as culprit:
                raise _Part(str(route.get("name", host["name"])), str(culprit)) from None
        raise _Part(host["name"], str(wrong)) from None


def _bytes(type_url: str, content: Json) -> bytes:
    message = message_class(type_url.rpartition("/")[2])()
    plain = {key: value for key, value in content.items() if key != "@type"}
    ParseDict(plain, message, descriptor_pool=pool())
    return message.SerializeToString()


def _version(content: Json | list[str]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _overall_version(resources: Mapping[str, Mapping[str, Resource]]) -> str:
    named = sorted((kind, name, each.version) for kind, by_name in resources.items() for name, each in by_name.items())
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:16]
