"""A simulated Auth0 tenant."""

from mlgate_sim.auth0.simulator import Auth0Simulator

__all__ = ["Auth0Simulator"]
