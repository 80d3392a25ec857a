"""Kinds of an Auth0 tenant: the tenant, what lives in it, and the binding that asks for an application of one's own."""
