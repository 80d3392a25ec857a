"""mlgate: machine-learning models on Azure, made safe to call.

A Kubernetes operator that brings Azure ML, Auth0 and the Envoy gateway between them into the state that manifests ask
for, keeps them there and reports on the objects. `docs/explanation/architecture.md` is the map of this package.
"""

__version__ = "0.1.0"
