"""The two shapes of errors: the Management API's and the token endpoint's.

Source: shared facts, auth0 section 2.5. `errorCode` is missing from the errors of roles, as recorded
(TestRoleManager_Delete), and from conflicts, whose code no recording shows.
"""

from __future__ import annotations

from typing import Any

HTTP_TEXTS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class ServiceError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = headers or {}


class ApiError(ServiceError):
    """An error of `/api/v2/`."""

    def __init__(
        self, status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        body: dict[str, Any] = {"statusCode": status, "error": HTTP_TEXTS.get(status, "Error"), "message": message}
        if code is not None:
            body["errorCode"] = code
        super().__init__(status, {**body, **more}, headers)


class OAuthError(ServiceError):
    """An error of `/oauth/`."""

    def __init__(self, status: int, error: str, description: str, **more: Any) -> None:
        super().__init__(status, {"error": error, "error_description": description, **more})


def invalid_body(message: str) -> ApiError:
    return ApiError(400, message, "invalid_body")


def payload_error(detail: str, field: str | None = None) -> ApiError:
    """The service's sentence for a body that breaks its schema."""
    where = f" on property {field}" if field else ""
    return invalid_body(f"Payload validation error: '{detail}'{where}.")


def query_error(detail: str, field: str) -> ApiError:
    return ApiError(400, f"Query validation error: '{detail}' on property {field}.", "invalid_query_string")


def unauthorized(message: str) -> ApiError:
    return ApiError(401, message, attributes={"error": message})
