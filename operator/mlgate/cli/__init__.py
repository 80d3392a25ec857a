"""The command line: `mlgate run | dev | get | describe | token | crds | envoy-bootstrap`. Also `kubectl mlgate`.

Each command is imported when it is used, so that `mlgate get` does not pay for what only `mlgate run` needs.
"""
