"""Simulated Azure: Entra ID, Resource Manager for Azure Machine Learning, scoring. See `simulator`."""

from mlgate_sim.azure.failures import KNOWN_CODES
from mlgate_sim.azure.settings import FederatedCredential, Limit
from mlgate_sim.azure.simulator import AzureSimulator

__all__ = ["KNOWN_CODES", "AzureSimulator", "FederatedCredential", "Limit"]
