"""Everything that the end-to-end tests of the operator run on, in one object.

    world.kubectl("get", "mlgate", "-A")      the user (an administrator of the cluster)
    world.api                                 the same, reading JSON
    world.operator                            the real `mlgate run` (start, kill9, terminate, restart, log, metrics)
    world.outside                             both simulators (inventory, mark, writes, auth0, azure)
    world.proxy                               a real Envoy (call, admin, log)
    world.manifests                           a copy of the quickstart (edit, edited, objects)
    world.apply(); world.wait_ready(); world.settled(); world.token("checkout"); world.clear()

Fixtures (conftest.py): `fresh` is a world with a running operator and nothing applied, for each test; `quickstart` is
shared by a module: applied and Ready, simulators as the quickstart left them.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import httpx

from controlplane.access import ServiceAccountAccess
from controlplane.fixtures import Cluster
from controlplane.kubectl import Kubectl
from mlgate.api import KINDS
from mlgate.store.protocol import EVENTS, NAMESPACES, SECRETS, Object, Resource

from .cluster_api import ClusterApi, holds, how, title
from .manifests import Manifests
from .operator_process import Operator
from .outside import Outside
from .proxy import Answer, Proxy
from .waiting import eventually, unchanged

TEAMS = ("ml", "shop")
"""The quickstart's namespaces."""
READY_SECONDS = 45.0
GONE_SECONDS = 60.0


@dataclass(slots=True)
class World:
    """See the module."""

    cluster: Cluster
    api: ClusterApi
    access: ServiceAccountAccess
    """The operator's own ServiceAccount: its kubeconfig, and a kubectl that acts as it."""
    outside: Outside
    operator: Operator
    proxy: Proxy
    manifests: Manifests
    namespaces: list[str] = field(default_factory=lambda: list(TEAMS))
    """What `clear` removes and what the looks at Secrets and Events cover; tests add their own."""

    @property
    def kubectl(self) -> Kubectl:
        return self.cluster.kubectl

    # -- the user -----------------------------------------------------------------------------------------------------

    def apply(self, *, wait: bool = True) -> None:
        """`kubectl apply -f` of the quickstart; waits until everything is Ready."""
        self.kubectl("apply", "--validate=strict", "-f", str(self.manifests.folder))
        if wait:
            self.wait_ready()

    def get(self, kind: str, name: str, namespace: str = "ml") -> Object | None:
        """An object of ours or a Secret, by kind."""
        return self.api.get(resource_of(kind), namespace, name)

    def named(self, kind: str, start: str, namespace: str = "shop") -> Object:
        """The only object whose name starts so; for those whose names end in a hash."""
        (found,) = (o for o in self.api.list(resource_of(kind), namespace) if o["metadata"]["name"].startswith(start))
        return found

    def annotate(self, kind: str, name: str, namespace: str = "ml", **notes: str | None) -> None:
        """`annotate("Auth0API", "fraud", paused="true")`; None removes."""
        self.api.annotate(resource_of(kind), namespace, name, **notes)

    def events_of(self, kind: str, name: str, namespace: str = "ml") -> list[Object]:
        """The Events about an object."""
        found = self.api.list(EVENTS, namespace)
        return [e for e in found if (e["involvedObject"]["kind"], e["involvedObject"]["name"]) == (kind, name)]

    def condition(self, kind: str, name: str, type_: str = "Ready", namespace: str = "ml") -> Object:
        """A condition of an object; its status is Unknown while it is not there."""
        found = ((self.get(kind, name, namespace) or {}).get("status") or {}).get("conditions") or ()
        return next((c for c in found if c["type"] == type_), {"type": type_, "status": "Unknown", "reason": ""})

    def wait_reason(self, kind: str, name: str, reason: str, namespace: str = "ml", *, seconds: float = 30.0) -> Object:
        """The Ready condition once it names this reason."""

        def told() -> Object | None:
            found = self.condition(kind, name, namespace=namespace)
            assert found.get("reason") == reason, found
            return found

        return eventually(told, f"reason {reason} on {kind} {namespace}/{name}", seconds=seconds) or {}

    # -- how it stands ------------------------------------------------------------------------------------------------

    def unready(self) -> list[str]:
        """Every object that is not Ready and Synced at its generation, in one line each; and what is missing."""
        there = self.api.ours()
        names = {title(obj) for obj in there}
        written = [obj for obj in self.manifests.objects() if obj["kind"] in KINDS]
        missing = [f"{title(obj)} is not there" for obj in written if title(obj) not in names]
        return missing + [how(obj) for obj in there if not (holds(obj, "Ready") and holds(obj, "Synced"))]

    def wait_ready(self, *, seconds: float = READY_SECONDS) -> None:
        """Until every object is Ready and Synced, for the generation that is there now."""

        def ready() -> bool:
            assert self.operator.running, f"mlgate run ended: {self.operator.last_words()}"
            unready = self.unready()
            assert not unready, "\n".join(unready)
            return True

        eventually(ready, "a world in which everything is Ready", seconds=seconds)

    def settled(self, *, seconds: float = READY_SECONDS) -> None:
        """Ready, and for a while nothing was written anywhere (looks outside go on, as resync says)."""
        self.wait_ready(seconds=seconds)
        eventually(self.proxy.connected, "Envoy's connection to the operator", seconds=seconds)
        unchanged(lambda: (self.outside.writes(), self.api.versions(self.namespaces)), seconds=1.5, deadline=seconds)
        self.wait_ready(seconds=seconds)

    # -- the callers --------------------------------------------------------------------------------------------------

    def secret(self, name: str, namespace: str = "shop") -> dict[str, str]:
        """A Secret's values, decoded."""
        found = self.api.get(SECRETS, namespace, name)
        assert found is not None, f"there is no Secret {namespace}/{name}"
        return {key: base64.b64decode(value).decode() for key, value in (found.get("data") or {}).items()}

    def token(self, application: str) -> str:
        """An access token for an Auth0AppBinding of `shop`, got with nothing but its Secret."""
        credentials = self.secret(f"{application}-auth0")
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials["client-id"],
            "client_secret": credentials["client-secret"],
            "audience": credentials["audience"],
        }
        answer = httpx.post(f"{self.outside.auth0.url}/oauth/token", data=form, timeout=10.0, trust_env=False)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def wait_answer(self, status: int, token: str | None = None) -> Answer:
        """What a call gets once it gets this status."""

        def answered() -> Answer:
            try:
                answer = self.proxy.call(token)
            except httpx.HTTPError as failure:
                raise AssertionError(repr(failure)) from failure
            assert answer.status == status, f"{answer.status} {answer.body} {answer.challenge}"
            return answer

        return eventually(answered, f"a call answered with {status}")

    # -- the end ------------------------------------------------------------------------------------------------------

    def left(self) -> list[str]:
        """Objects of ours and namespaces of the teams that are still there, with what holds them."""
        ours = [f"{how(obj)} finalizers={obj['metadata'].get('finalizers')}" for obj in self.api.ours()]
        present = [name for name in self.namespaces if self.api.get(NAMESPACES, "", name)]
        guarded = [
            f"{title(secret)} finalizers={secret['metadata']['finalizers']}"
            for name in present
            for secret in self.api.list(SECRETS, name)
            if secret["metadata"].get("finalizers")
        ]
        return [*ours, *guarded, *(f"namespace {name}" for name in present)]

    def wait_gone(self, *, seconds: float = GONE_SECONDS) -> None:
        """Until no object, Secret guard or namespace is left."""

        def gone() -> bool:
            left = self.left()
            assert not left, "\n".join([*left, "mlgate said last:", self.operator.last_words()])
            return True

        eventually(gone, "an empty cluster", seconds=seconds)

    def clear(self) -> None:
        """From whatever there is to nothing, without the operator's help: finalizers are torn off. The operator is
        stopped and the simulators are as new."""
        self.operator.stop()
        names = [name for name in self.namespaces if self.api.get(NAMESPACES, "", name)]
        if names:
            self.kubectl("delete", "namespace", *names, "--wait=false", "--ignore-not-found")

        def gone() -> bool:
            for obj in self.api.everything(names):
                namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
                if obj["metadata"].get("finalizers"):
                    self.api.patch(resource_of(obj["kind"]), namespace, name, {"metadata": {"finalizers": None}})
                if obj["kind"] != "Secret":
                    self.api.delete(resource_of(obj["kind"]), namespace, name)
            left = self.left()
            assert not left, "\n".join(left)
            return True

        eventually(gone, "an empty cluster", seconds=GONE_SECONDS)
        self.namespaces[:] = TEAMS
        self.outside.reset()


def resource_of(kind: str) -> Resource:
    """The resource of one of our kinds, or of Secrets."""
    return SECRETS if kind == "Secret" else KINDS[kind].resource
