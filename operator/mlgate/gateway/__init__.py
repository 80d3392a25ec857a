"""Routes -> one neutral model -> Envoy resources -> delta ADS.

This package knows no Kubernetes, no kind and no SDK: it imports the standard library, grpc and google.protobuf only.
Its caller builds a :class:`mlgate.gateway.model.Gateway`, hands it to :class:`mlgate.gateway.server.GatewayServer` and
reads back what Envoy said. What Envoy really does with each resource was measured on Envoy 1.40 (shared facts,
gateway).
"""
