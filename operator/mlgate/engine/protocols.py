"""The contract between the engine and a kind.

A kind is one of two things. An `External` stands for something in Auth0, in Azure or at the gateway; a `Composition` is
made of other objects. Neither knows Kubernetes, retries, conditions or logging: the engine does those once, the same way
for all.

Rules that hold for every method:

* Pure methods (`references`, `desired`, `health`, `children`, `summarise`) do no I/O, read no clock and never change
  their arguments. They may raise `errors.Terminal` for a manifest that cannot be carried out.
* Async methods do bounded I/O through the connection they are given. They never wait for a long operation: they start
  it, return, and are called again. They are idempotent: called twice with the same arguments they leave the same world.
* They raise nothing but the classes of `errors`. Anything else is a bug and is reported as one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from ..api.meta import KindType
from ..errors import Trouble
from ..reasons import Reason
from ..sensitive import Sensitive
from ..store.protocol import Key, Object
from .fields import Fields
from .marks import Mark
from .plan import Change, Plan
from .references import Ref, Resolved

Wanted = Mapping[str, Any]
"""The wish in the service's own words: only what the manifest (or a secure default of the kind) sets."""


class Connection(Protocol):
    """A session with a service. `gate` names what is throttled or refused together."""

    @property
    def gate(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Owner:
    """The object a kind is asked about, as far as a kind may know it."""

    namespace: str
    name: str
    uid: str
    generation: int
    mark: Mark


@dataclass(frozen=True, slots=True)
class Seen:
    """What is out there. `values` are comparable with the wish, `raw` is the service's answer.

    `ours` says whether it carries this object's mark (None: the service has no room for one). `holder` names another
    owner's mark, for messages."""

    id: str
    values: Mapping[str, Any]
    raw: Mapping[str, Any] = field(default_factory=dict)
    ours: bool | None = None
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """A write was accepted. `seen` is the new observation where the answer is a full one (None: look again).

    `again`: seconds until the operation that was started is worth a look. `trouble`: the main thing was done but a step
    after it was not; its id is kept all the same."""

    id: str
    seen: Seen | None = None
    again: float | None = None
    trouble: Exception | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """`done`, or still going on: look again after `again` seconds; `message` says what it waits for. `begun`: the service
    works on it (False: nothing was sent yet)."""

    done: bool
    again: float | None = None
    message: str = ""
    begun: bool = True


@dataclass(frozen=True, slots=True)
class Health:
    """Whether it can be used now (`ready`), and whether the service still works on the last change (`settled`).

    `again`: seconds to the next look while it is not settled; `limit`: seconds that the service may work on a change by
    its own word. `failed`: the service gave up; only a change helps, or, where it `may_pass`, another try later."""

    ready: bool
    reason: Reason = Reason.AVAILABLE
    message: str = ""
    settled: bool = True
    again: float | None = None
    failed: bool = False
    limit: float | None = None
    may_pass: bool = False


HEALTHY = Health(ready=True)


@dataclass(frozen=True, slots=True)
class Possible:
    """What of a wish can be carried out now. `waits`: why the rest cannot yet (empty: all can); `usable`: whether it
    can be used meanwhile."""

    wanted: Wanted
    waits: str = ""
    usable: bool = True


@dataclass(frozen=True, slots=True)
class SecretOutput:
    """A Secret this object gives away; written only when it differs. Values are text."""

    name: str
    data: Mapping[str, Sensitive | str]
    labels: Mapping[str, str] = field(default_factory=dict)
    type: str = "Opaque"


@dataclass(frozen=True, slots=True)
class Outputs:
    """What an object gives away: fields of its status, and Secrets. `again`: seconds until they must be renewed.
    `begun`: an operation was started for them, and the service works on it. `trouble`: what is given away is good for now,
    and its successor could not be had. `needs`: what would have to be changed outside first and was not, because nothing
    may be written now; in mode Plan it becomes a plan, the same one until it is done."""

    status: Mapping[str, Any] = field(default_factory=dict)
    secrets: Sequence[SecretOutput] = ()
    again: float | None = None
    begun: bool = False
    trouble: Trouble | None = None
    needs: Sequence[Change] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """What `outputs` may look at. `secret` reads a Secret of the object's namespace (None: not there); `now` is unix
    seconds; `status` is what the object's status said before. `turn` is asked before an operation is started: why it
    must wait for another (empty: it may)."""

    owner: Owner
    wanted: Wanted
    seen: Seen
    status: Mapping[str, Any]
    secrets: Mapping[str, Mapping[str, Sensitive] | None]
    now: float
    turn: Callable[[], str] = str
    users: frozenset[str] = frozenset()
    """The kinds of the objects that refer to this one."""


SpecT = TypeVar("SpecT")
ConnT = TypeVar("ConnT", bound=Connection)


class Kind(ABC, Generic[SpecT]):
    """What both sorts of kind have."""

    type: ClassVar[KindType]

    @abstractmethod
    def references(self, owner: Owner, spec: SpecT) -> Iterable[Ref]:
        """Everything this object needs to know before it can be carried out."""


class External(Kind[SpecT], Generic[SpecT, ConnT]):
    """Something outside.

    Identity: an id in status, or `spec.import`, or what `find` says. `looks_first` is for services whose create is a PUT
    that would overwrite somebody else's: then `find` is asked before every create, not only after a lost answer."""

    fields: ClassVar[Fields] = Fields()
    looks_first: ClassVar[bool] = False
    looks_before_deleting: ClassVar[bool] = False
    """For services with room for our mark: what carries another's by now is not deleted."""
    looks_before_writing: ClassVar[bool] = False
    """For services whose write replaces the whole: what a drift check had from a listing is read again before a write, so
    that nothing of others is set back that changed since."""
    wakes_targets: ClassVar[bool] = False
    """Whether this object becoming Ready is news for what it refers to (a deployment's endpoint shifts traffic then)."""
    holds: ClassVar[bool] = True
    """Whether something stays outside that must be removed at the end. False for what only the process itself carries
    (routes at the gateway): such objects get no finalizer."""
    visible_after: ClassVar[float] = 0.0
    """Seconds until something new is sure to show up in the service's lists."""

    @abstractmethod
    async def connect(self, owner: Owner, spec: SpecT, refs: Resolved) -> ConnT:
        """The session to work with. No request may be made beyond what getting a token needs."""

    @abstractmethod
    def desired(self, owner: Owner, spec: SpecT, refs: Resolved) -> Wanted:
        """The wish (pure). Fields that the manifest leaves out are left out here."""

    def with_mark(self, wanted: Wanted, mark: Mark) -> Wanted:
        """The wish with our mark in it, where the service has room (pure). Not asked for what is only observed."""
        return wanted

    def at(self, wanted: Wanted, now: float) -> Wanted:
        """The wish as it is at this moment, in unix seconds (pure): for what is wished only until then."""
        return wanted

    def defaults(self, owner: Owner, spec: SpecT) -> Wanted:
        """What a new one gets where the manifest is silent (pure). Not kept later: unset means unmanaged."""
        return {}

    def fields_for(self, spec: SpecT) -> Fields:
        """The rules to compare with, where the manifest can choose them."""
        return self.fields

    def fixed_id(self, owner: Owner, spec: SpecT) -> str | None:
        """The id, where it is known beforehand because nothing is made (a tenant, a connection, a gateway)."""
        return None

    def possible(self, wanted: Wanted, seen: Seen) -> Possible:
        """The part of the wish that can be carried out now, and why the rest must wait. Pure."""
        return Possible(wanted)

    def lane(self, owner: Owner, spec: SpecT) -> Key | None:
        """What the service changes together with this object's only one at a time, named after one object of them. The
        engine queues writes of a lane; None: it does not matter. Pure."""
        return None

    def hindrance(self, spec: SpecT, refs: Resolved, *, creating: bool) -> str:
        """Why nothing may be made (`creating`) or changed right now (empty: it may). Pure."""
        return ""

    @abstractmethod
    async def observe(self, conn: ConnT, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        """What is there under this id; None only when the service itself says that nothing is."""

    @abstractmethod
    async def find(self, conn: ConnT, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        """What is, or could be, this object's although its id is not known: by mark, or by the key that the service
        keeps unique. Reads freshly. Things of others that hold the key are returned too (`ours=False`)."""

    @abstractmethod
    async def apply(self, conn: ConnT, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        """Carry out the plan; `seen` is what it was made against. After the
        main thing is made nothing may be raised: put it into `Applied.trouble`."""

    @abstractmethod
    async def delete(self, conn: ConnT, seen: Seen, refs: Resolved) -> Deletion:
        """Delete, or look how the deletion goes; not there is done. `seen` is a fresh observation where the kind says
        `looks_before_deleting`, else it holds only the id."""

    def spared(self, conn: ConnT, seen: Seen, status: Mapping[str, Any]) -> str:
        """Why this is never deleted outside, whatever a manifest says; empty: it may be (pure). `seen` as for `delete`."""
        return ""

    async def lost_with(self, conn: ConnT, seen: Seen, status: Mapping[str, Any]) -> str:
        """What else outside would go with it that no object here stands for, in words; empty: nothing is known. It is then
        deleted only when somebody approves."""
        return ""

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        """How it is (pure)."""
        return HEALTHY

    def secret_names(self, owner: Owner, spec: SpecT) -> Sequence[str]:
        """Secrets of the object's own namespace that `outputs` compares with."""
        return ()

    async def outputs(self, conn: ConnT, spec: SpecT, situation: Situation) -> Outputs:
        """What it gives away."""
        return Outputs()

    def next_look(self, status: Mapping[str, Any]) -> float | None:
        """Unix seconds of the next look that an object's status knows of (a token to be renewed), for after a restart and
        where being woken took the place of a planned look. Pure."""
        return None

    def finished(self, status: Mapping[str, Any]) -> bool:
        """Whether what it stands for has come to an end after which nothing about it changes any more (a run that is over):
        then the service is not asked about it again unless somebody wishes it, nothing has to be done for the object's end,
        and what it refers to need not wait for it. Pure."""
        return False

    def outlived(self, status: Mapping[str, Any], now: float) -> bool:
        """Whether the object itself is to be deleted by now, in unix seconds, as its manifest says. Pure."""
        return False

    def blocks_deletion_of(self, target: Object, own: Object) -> bool:
        """Whether `target`, which this object refers to, must stay outside while `own` is there."""
        return True

    def gets_by_without(self, target: Object, own: Object) -> bool:
        """Whether `target` may vanish altogether while `own` is there: the service forgets it by itself (an application
        that a connection names), and `own` says that the manifest still names it."""
        return False


@dataclass(frozen=True, slots=True)
class Child:
    """One object a composition is made of: its manifest without owner fields, and the condition it counts for."""

    manifest: Object
    part: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a composition says about itself, from its children. `parts` become conditions of their own."""

    ready: bool
    reason: Reason = Reason.AVAILABLE
    message: str = ""
    settled: bool = True
    failed: bool = False
    parts: Mapping[str, Health] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing(Generic[SpecT]):
    """What a composition that goes its way in stages is decided on: the manifest, what status said before, the
    annotations, the children that exist by (kind, name), and unix seconds. `held`: nothing may be changed now."""

    owner: Owner
    spec: SpecT
    refs: Resolved
    status: Mapping[str, Any]
    notes: Mapping[str, str]
    children: Mapping[tuple[str, str], Object]
    now: float
    held: bool = False


@dataclass(frozen=True, slots=True)
class Course(Generic[SpecT]):
    """Where a composition is on its way: the spec to carry out at this stage, and the fields of status that the next
    look goes on from. `events`: reason, message, whether it is a warning. `again`: seconds to the next look."""

    spec: SpecT
    status: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Health] = field(default_factory=dict)
    events: Sequence[tuple[Reason, str, bool]] = ()
    again: float | None = None


class Composition(Kind[SpecT], Generic[SpecT]):
    """Something made of other objects. Children are applied server-side in its own namespace, owned, and removed when no
    longer wanted."""

    child_types: ClassVar[tuple[KindType, ...]]
    """Every kind that `children` may return."""

    async def advance(self, standing: Standing[SpecT]) -> Course[SpecT]:
        """The next stage, for what is not carried out at once. Its status is stored before its spec is carried out, so a
        restart in between goes on from there. May ask services, never wait for them."""
        return Course(standing.spec)

    @abstractmethod
    def children(self, owner: Owner, spec: SpecT, refs: Resolved) -> Sequence[Child]:
        """The objects it is made of (pure)."""

    @abstractmethod
    def summarise(
        self, owner: Owner, spec: SpecT, refs: Resolved, children: Mapping[tuple[str, str], Object]
    ) -> Summary:
        """How it stands (pure). `children` holds those that exist, by (kind, name)."""
