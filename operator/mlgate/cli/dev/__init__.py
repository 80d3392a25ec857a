"""`mlgate dev`: the whole of mlgate on one machine, on a folder of manifests.

`manifests` (what the user wrote), `scene` (what the simulators must be so that it works), `stage` (the processes),
`applier` (manifests into the store, again when a file changes), `progress` and `live` (what is shown), `callers` (the
requests at the end), `lookup` (what `mlgate get` asks), `command` (the order of it all).
"""
