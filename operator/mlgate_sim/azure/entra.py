"""The simulated Entra ID: real RS256 tokens, the documents azure-identity reads first, and the refusals people report.

`POST /{tenant}/oauth2/v2.0/token` takes client_credentials with a client_secret or with a federated client_assertion
(workload identity). Errors have `error`, `error_description` (AADSTS…), `error_codes`, `timestamp`, `trace_id`,
`correlation_id` and `error_uri`, as quoted in public reports of 7000215, 7000216, 700016, 70021 and 90002.
The signature of an assertion is not checked: the simulator cannot reach the cluster's issuer.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from mlgate_sim.azure.arm_message import Answer, Json, Refusal
from mlgate_sim.azure.settings import Settings

ARM_AUDIENCES: Final = {
    "Public": ("https://management.azure.com", "https://management.core.windows.net"),
    "China": ("https://management.chinacloudapi.cn", "https://management.core.chinacloudapi.cn"),
    "USGovernment": ("https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net"),
}
ML_AUDIENCES: Final = {
    "Public": "https://ml.azure.com",
    "China": "https://ml.azure.cn",
    "USGovernment": "https://ml.azure.us",
}
"""What tokens are meant for, by cloud: Azure's own documentation of national clouds."""
EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"
FEDERATION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenSigner:
    """One RSA key: signs tokens and checks them. The key lives as long as the object."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.key_id = uuid.uuid4().hex
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A JWT of these claims."""
        return jwt.encode(dict(claims), self._key, algorithm="RS256", headers={"kid": self.key_id, "x5t": self.key_id})

    def claims(self, token: str) -> Json:
        """The claims of a token this key signed, expired or not. Raises jwt.InvalidTokenError."""
        options: Any = {"verify_exp": False, "verify_nbf": False, "verify_aud": False, "verify_iat": False}
        return dict(jwt.decode(token, self._key.public_key(), algorithms=["RS256"], options=options))

    def is_expired(self, claims: Json) -> bool:
        """Whether `exp` has passed on the injected clock."""
        return float(claims.get("exp", 0)) <= self.clock()

    def keys(self) -> Json:
        """The JWKS document."""
        public: Json = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": "RS256"}]}


class Entra:
    """The directory of one tenant."""

    def __init__(self, settings: Settings, signer: TokenSigner, origin: Callable[[], str]) -> None:
        self.settings = settings
        self.signer = signer
        self._origin = origin

    @property
    def origin(self) -> str:
        """The simulator's own URL, which is both the authority and the ARM endpoint."""
        return self._origin()

    def instance_discovery(self) -> Json:
        """`/common/discovery/instance`: this host is its own cloud."""
        origin = self._origin()
        host = origin.removeprefix("https://")
        return {
            "tenant_discovery_endpoint": f"{origin}/{self.settings.tenant}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }

    def openid_configuration(self, tenant: str) -> Answer:
        """`/{tenant}/v2.0/.well-known/openid-configuration`."""
        if not self.settings.knows_tenant(tenant):
            return self._refuse(400, "invalid_tenant", 90002, _no_tenant(tenant)).answer
        base = f"{self._origin()}/{tenant}"
        return Answer(
            200,
            {
                "issuer": f"{base}/v2.0",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "response_types_supported": ["code", "id_token", "token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "tenant_region_scope": "EU",
                "cloud_instance_name": "microsoftonline.com",
            },
        )

    def token(self, tenant: str, form: Mapping[str, str]) -> Answer:
        """The answer of the token endpoint to a form."""
        try:
            audience = self._checked(tenant, form)
        except Refusal as refusal:
            return refusal.answer
        lifetime = self.settings.token_seconds
        body = {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": self.signer.sign(self.claims(audience)),
        }
        return Answer(200, body)

    def claims(self, audience: str) -> Json:
        """The claims of an application token for `audience`, valid from now."""
        settings, now = self.settings, int(self.signer.clock())
        return {
            "aud": audience,
            "iss": f"https://sts.windows.net/{settings.tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + settings.token_seconds,
            "appid": settings.client_id,
            "appidacr": "1",
            "idp": f"https://sts.windows.net/{settings.tenant}/",
            "idtyp": "app",
            "oid": settings.service_principal,
            "sub": settings.service_principal,
            "tid": settings.tenant,
            "uti": uuid.uuid4().hex[:22],
            "ver": "1.0",
        }

    @property
    def ml_audience(self) -> str:
        """What tokens for scoring are meant for."""
        return ML_AUDIENCES[self.settings.cloud]

    def arm_audiences(self) -> tuple[str, ...]:
        """The audiences ARM accepts, without a trailing slash; the simulator's own URL is one of them."""
        return (*ARM_AUDIENCES[self.settings.cloud], self._origin())

    def _checked(self, tenant: str, form: Mapping[str, str]) -> str:
        settings = self.settings
        if not settings.knows_tenant(tenant):
            raise self._refuse(400, "invalid_request", 90002, _no_tenant(tenant))
        for name in ("grant_type", "client_id"):
            if not form.get(name):
                message = f"The request body must contain the following parameter: '{name}'."
                raise self._refuse(400, "invalid_request", 900144, message)
        if form["grant_type"] != "client_credentials":
            message = f"The app requested an unsupported grant type '{form['grant_type']}'."
            raise self._refuse(400, "unsupported_grant_type", 70003, message)
        if form["client_id"].lower() != settings.client_id.lower():
            message = (
                f"Application with identifier '{form['client_id']}' was not found in the directory '{tenant}'. This "
                "can happen if the application has not been installed by the administrator of the tenant."
            )
            raise self._refuse(400, "unauthorized_client", 700016, message)
        self._check_credential(form)
        return self._audience(form.get("scope", ""))

    def _check_credential(self, form: Mapping[str, str]) -> None:
        if "client_secret" in form:
            if form["client_secret"] != self.settings.client_secret:
                message = (
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                    f"value, not the client secret ID, for a secret added to app '{self.settings.client_id}'."
                )
                raise self._refuse(401, "invalid_client", 7000215, message)
            return
        if form.get("client_assertion_type") != FEDERATION or not form.get("client_assertion"):
            message = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
            raise self._refuse(401, "invalid_client", 7000216, message)
        self._check_assertion(form["client_assertion"])

    def _check_assertion(self, assertion: str) -> None:
        try:
            claims: Json = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.InvalidTokenError as error:
            raise self._refuse(400, "invalid_request", 50027, "JWT token is invalid or malformed.") from error
        if "exp" in claims and self.signer.is_expired(claims):
            message = "Client assertion is not within its valid time range."
            raise self._refuse(401, "invalid_client", 700024, message)
        audiences = _as_list(claims.get("aud"))
        trusted = self.settings.federated_credentials
        if trusted is None:
            accepted = EXCHANGE_AUDIENCE in audiences
        else:
            accepted = any(
                one.issuer == claims.get("iss") and one.subject == claims.get("sub") and one.audience in audiences
                for one in trusted
            )
        if not accepted:
            message = (
                "No matching federated identity record found for presented assertion. Assertion Issuer: "
                f"'{claims.get('iss')}'. Assertion Subject: '{claims.get('sub')}'. Assertion Audience: "
                f"'{', '.join(audiences)}'."
            )
            raise self._refuse(400, "invalid_request", 70021, message)

    def _audience(self, scope: str) -> str:
        if not scope.endswith("/.default"):
            message = (
                f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value "
                "with /.default suffixed to the resource identifier (application ID URI)."
            )
            raise self._refuse(400, "invalid_scope", 1002012, message)
        audience = scope.removesuffix("/.default")
        if audience.rstrip("/") not in (*self.arm_audiences(), self.ml_audience):
            message = f"The resource principal named {audience} was not found in the tenant."
            raise self._refuse(400, "invalid_resource", 500011, message)
        return audience

    def _refuse(self, status: int, error: str, code: int, message: str) -> Refusal:
        now = datetime.fromtimestamp(self.signer.clock(), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        description = f"AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}"
        body: Json = {
            "error": error,
            "error_description": description,
            "error_codes": [code],
            "timestamp": now,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"{self._origin()}/error?code={code}",
        }
        return Refusal(Answer(status, body))


def _no_tenant(tenant: str) -> str:
    return (
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud."
    )


def _as_list(value: Any) -> Sequence[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
