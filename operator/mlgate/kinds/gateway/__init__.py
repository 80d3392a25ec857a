"""Kinds of the gateway, and what turns their objects into the configuration that Envoys are given."""
