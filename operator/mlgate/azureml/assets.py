"""Versions of models and environments.

A PUT answers 201 at once, without an operation; the content of a version cannot be changed, its description, tags, stage
and archive flag can (recording TestModel). The container (`models/{name}`) comes with its first version.
"""

from __future__ import annotations

from . import arm_id
from .arm_id import Subject
from .resources import Resources
from .wire import Wire


class AssetVersions(Resources):
    """The versions in one collection (`models`, `environments`) of all workspaces of a session's subscription."""

    def __init__(self, wire: Wire, subject: Subject, collection: str) -> None:
        super().__init__(wire, subject)
        self._collection = collection

    def id(self, workspace_id: str, name: str, version: str) -> str:
        """The ARM id. Raises Terminal for impossible names."""
        return arm_id.version_id(workspace_id, self._collection, name, version)
