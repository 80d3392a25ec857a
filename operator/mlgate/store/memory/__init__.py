"""The API server's semantics in this process: for `mlgate dev`, `mlgate plan` without a cluster, and simulation tests."""

from .cel import UnsupportedRule
from .store import MemoryStore

__all__ = ["MemoryStore", "UnsupportedRule"]
