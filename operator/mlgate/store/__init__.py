"""Where objects live, behind one protocol.

`protocol` says what every store does; `cluster` is the Kubernetes API server; `memory` is embedded and behaves as the
API server does for everything mlgate relies on. One behavioural test suite runs against both.
"""
