"""How anything is reconciled: one queue, one reconcile, one place that turns trouble into conditions.

Knows no kopf, no SDK and no particular kind. `protocols` is the contract that kinds keep; `reconcile` is the one path on
which anything changes; everything else here is a pure decision or a small piece of the machine around it.
"""
