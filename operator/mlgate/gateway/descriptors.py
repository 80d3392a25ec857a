"""Envoy's own message descriptors: taken out of its binary at build time, loaded at run time.

Published Python stubs lag behind Envoy (xds-protos lacked 243 fields of 1.40 and refused our listener), while
descriptors from the binary match exactly and catch a misspelt field (shared facts, gateway 2). The committed file
holds only the messages that the gateway uses and what they reach, without options and comments; production has no
Envoy binary and reads this file only.

Build step: ``python -m mlgate.gateway.descriptors --envoy BINARY --out FILE [--check]``.
"""

from __future__ import annotations

import argparse
import importlib
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

COMMITTED = Path(__file__).with_name("descriptors.binpb")
VERSION_FILE_SUFFIX = ".version"

ROOTS = (
    "envoy.config.bootstrap.v3.Bootstrap",
    "envoy.config.cluster.v3.Cluster",
    "envoy.config.core.v3.TypedExtensionConfig",
    "envoy.config.listener.v3.Listener",
    "envoy.config.route.v3.RouteConfiguration",
    "envoy.extensions.access_loggers.file.v3.FileAccessLog",
    "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
    "envoy.extensions.filters.http.body_size_limit.v3.BodySizeLimit",
    "envoy.extensions.filters.http.buffer.v3.Buffer",
    "envoy.extensions.filters.http.buffer.v3.BufferPerRoute",
    "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector",
    "envoy.extensions.filters.http.custom_response.v3.CustomResponse",
    "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
    "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
    "envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig",
    "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
    "envoy.extensions.filters.http.rbac.v3.RBAC",
    "envoy.extensions.filters.http.rbac.v3.RBACPerRoute",
    "envoy.extensions.filters.http.router.v3.Router",
    "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery",
    "envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy",
    "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
    "envoy.extensions.http.injected_credentials.generic.v3.Generic",
    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
    "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
    "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
    "envoy.extensions.transport_sockets.tls.v3.Secret",
    "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    "envoy.service.discovery.v3.DeltaDiscoveryRequest",
    "envoy.service.discovery.v3.DeltaDiscoveryResponse",
    "envoy.service.discovery.v3.DiscoveryResponse",
    "envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
    "envoy.type.matcher.v3.HttpResponseHeaderMatchInput",
    "envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput",
)
"""Every message that the gateway renders or speaks, by full name."""

_WELL_KNOWN = ("any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers")
_PACKAGES = rb"(?:envoy|udpa|xds|validate|google|cel|opencensus|opentelemetry|io/prometheus)"
_FILE_START = re.compile(rb"\x0a([\x05-\x7f])(" + _PACKAGES + rb"[/_a-z0-9A-Z.-]*?/[A-Za-z0-9_/.-]+\.proto)")
_FILE_FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15}
_VARINT, _LENGTH = 0, 2


# ---------------------------------------------------------------------------------------------------- run time


@lru_cache(maxsize=1)
def pool() -> DescriptorPool:
    """The committed descriptors; loaded once, when first needed."""
    return pool_of(descriptor_pb2.FileDescriptorSet.FromString(COMMITTED.read_bytes()))


def pool_of(files: descriptor_pb2.FileDescriptorSet) -> DescriptorPool:
    loaded = DescriptorPool()
    for file in (*_well_known_files().values(), *files.file):
        loaded.AddSerializedFile(file.SerializeToString())
    return loaded


@lru_cache(maxsize=256)
def message_class(full_name: str) -> type[Message]:
    """The class of a message by its full name.

    Raises:
        KeyError: the committed descriptors do not have it (add it to ROOTS and run the build step).
    """
    return GetMessageClass(pool().FindMessageTypeByName(full_name))


def envoy_version() -> str:
    """The version line of the Envoy that the committed descriptors came from."""
    return COMMITTED.with_suffix(VERSION_FILE_SUFFIX).read_text().strip()


def _well_known_files() -> dict[str, descriptor_pb2.FileDescriptorProto]:
    found = {}
    for name in _WELL_KNOWN:
        module = importlib.import_module(f"google.protobuf.{name}_pb2")
        file = descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
        found[file.name] = file
    return found


# ---------------------------------------------------------------------------------------------------- build time


def extract(binary: bytes) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    """Every file descriptor embedded in an Envoy binary, by file name. A candidate starts with its own name field and
    is read as far as its fields make sense; the longest of several candidates for one name is the real one."""
    found: dict[str, tuple[int, descriptor_pb2.FileDescriptorProto]] = {}
    for candidate in _FILE_START.finditer(binary):
        if candidate.group(1)[0] != len(candidate.group(2)):
            continue
        end = _end_of_file(binary, candidate.start())
        file = descriptor_pb2.FileDescriptorProto()
        try:
            file.ParseFromString(binary[candidate.start() : end])
        except DecodeError:
            continue
        size = end - candidate.start()
        if size > found.get(file.name, (0, file))[0]:
            found[file.name] = (size, file)
    return {name: file for name, (_, file) in found.items()}


def _end_of_file(data: bytes, start: int) -> int:
    position, end = start, start
    try:
        while True:
            tag, position = _varint(data, position)
            field, wire = tag >> 3, tag & 7
            if field not in _FILE_FIELDS or wire not in (_VARINT, _LENGTH) or (field == 1 and end != start):
                return end
            value, position = _varint(data, position)
            position += value if wire == _LENGTH else 0
            if position > len(data):
                return end
            end = position
    except (IndexError, ValueError):
        return end


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("not a varint")


def prune(
    files: Mapping[str, descriptor_pb2.FileDescriptorProto], roots: Iterable[str]
) -> descriptor_pb2.FileDescriptorSet:
    """The files with only the messages and enums that the roots reach, in order of dependency, without what is only for
    people and validators. Deterministic for the same input.

    Raises:
        KeyError: a root, or something it reaches, is not in the files.
    """
    home = {name: file.name for file in files.values() for name, _ in _top_level(file)}
    shapes = {name: shape for file in files.values() for name, shape in _top_level(file)}
    known = {name for file in _well_known_files().values() for name, _ in _top_level(file)}
    kept: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = _top_level_name(waiting.pop(), home, known)
        if name in kept or name in known:
            continue
        kept.add(name)
        shape = shapes[name]
        if isinstance(shape, descriptor_pb2.DescriptorProto):
            waiting.extend(_referenced(shape))
    pruned = {
        file.name: _kept_part(file, kept, home)
        for file in files.values()
        if any(name in kept for name, _ in _top_level(file))
    }
    return descriptor_pb2.FileDescriptorSet(file=_dependencies_first(pruned))


Shape = descriptor_pb2.DescriptorProto | descriptor_pb2.EnumDescriptorProto


def _top_level(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[str, Shape]]:
    for message in file.message_type:
        yield f"{file.package}.{message.name}", message
    for enum in file.enum_type:
        yield f"{file.package}.{enum.name}", enum


def _top_level_name(name: str, home: Mapping[str, str], known: set[str]) -> str:
    """`pkg.Message.Nested` belongs to `pkg.Message`."""
    candidate = name.lstrip(".")
    while candidate not in home and candidate not in known:
        if "." not in candidate:
            raise KeyError(name)
        candidate = candidate.rpartition(".")[0]
    return candidate


def _referenced(message: descriptor_pb2.DescriptorProto) -> Iterator[str]:
    for field in message.field:
        if field.type in (FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_ENUM):
            yield field.type_name
    for nested in message.nested_type:
        yield from _referenced(nested)


def _kept_part(
    file: descriptor_pb2.FileDescriptorProto, kept: set[str], home: Mapping[str, str]
) -> descriptor_pb2.FileDescriptorProto:
    part = descriptor_pb2.FileDescriptorProto(name=file.name, package=file.package, syntax=file.syntax)
    needed: set[str] = set()
    known = {name: file.name for file in _well_known_files().values() for name, _ in _top_level(file)}
    for message in file.message_type:
        if f"{file.package}.{message.name}" in kept:
            part.message_type.append(_bare_message(message))
            for name in _referenced(message):
                top = _top_level_name(name, home, set(known))
                needed.add(known.get(top) or home[top])
    for enum in file.enum_type:
        if f"{file.package}.{enum.name}" in kept:
            part.enum_type.append(_bare_enum(enum))
    part.dependency.extend(sorted(needed - {file.name}))
    return part


def _bare_message(message: descriptor_pb2.DescriptorProto) -> descriptor_pb2.DescriptorProto:
    bare = descriptor_pb2.DescriptorProto()
    bare.CopyFrom(message)
    is_map = bare.options.map_entry
    bare.ClearField("options")
    if is_map:
        bare.options.map_entry = True
    for field in bare.field:
        field.ClearField("options")
    for choice in bare.oneof_decl:
        choice.ClearField("options")
    bare.ClearField("extension")
    nested = [_bare_message(each) for each in bare.nested_type]
    enums = [_bare_enum(each) for each in bare.enum_type]
    bare.ClearField("nested_type")
    bare.ClearField("enum_type")
    bare.nested_type.extend(nested)
    bare.enum_type.extend(enums)
    return bare


def _bare_enum(enum: descriptor_pb2.EnumDescriptorProto) -> descriptor_pb2.EnumDescriptorProto:
    bare = descriptor_pb2.EnumDescriptorProto()
    bare.CopyFrom(enum)
    aliased = bare.options.allow_alias
    bare.ClearField("options")
    if aliased:
        bare.options.allow_alias = True
    for value in bare.value:
        value.ClearField("options")
    return bare


def _dependencies_first(
    files: Mapping[str, descriptor_pb2.FileDescriptorProto],
) -> list[descriptor_pb2.FileDescriptorProto]:
    ordered: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def add(name: str) -> None:
        if name in files and name not in ordered:
            for dependency in files[name].dependency:
                add(dependency)
            ordered[name] = files[name]

    for name in sorted(files):
        add(name)
    return list(ordered.values())


def main(arguments: list[str] | None = None) -> int:
    """Writes the descriptors, or with --check says (exit status 1) whether the file differs from what would be
    written."""
    parser = argparse.ArgumentParser(prog="python -m mlgate.gateway.descriptors", description=__doc__)
    parser.add_argument("--envoy", type=Path, help="the Envoy binary to read (default: the one that is installed)")
    parser.add_argument("--out", type=Path, default=COMMITTED, help="the descriptor file (default: the committed one)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the file is not up to date")
    options = parser.parse_args(arguments)
    from mlgate.gateway.envoy import find_envoy  # noqa: PLC0415 - only the build step needs a binary

    envoy = find_envoy(options.envoy)
    content = prune(extract(envoy.read_bytes()), ROOTS).SerializeToString(deterministic=True)
    said = subprocess.run([envoy, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    version = said.stdout.strip().rpartition("version: ")[2] + "\n"
    version_file = options.out.with_suffix(VERSION_FILE_SUFFIX)
    wanted = ((options.out, content), (version_file, version.encode()))
    if options.check:
        stale = [path for path, text in wanted if not path.is_file() or path.read_bytes() != text]
        for path in stale:
            print(f"{path.name} does not match {version.strip()}; run this step without --check", file=sys.stderr)
        return 1 if stale else 0
    for path, text in wanted:
        path.write_bytes(text)
    print(f"{options.out.name}: {len(content)} bytes from Envoy {version.strip()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
