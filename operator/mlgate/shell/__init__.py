"""The process: watches, leader lease, health, metrics, logs, signals. The only package that imports kopf.

`process.run` is what `mlgate run` does; `assembly.Operator` is the part of it that `mlgate dev` runs too.
"""
