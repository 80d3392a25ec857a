terraform {
  required_providers {
    auth0 = {
      source  = "auth0/auth0"
      version = "1.54.1"
    }
  }
}

provider "auth0" {} # AUTH0_DOMAIN, AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET

resource "auth0_client" "checkout" {
  name            = "checkout"
  app_type        = "non_interactive"
  oidc_conformant = true
  grant_types     = ["client_credentials"]
  client_metadata = { team = "payments" }

  jwt_configuration {
    alg                 = "RS256"
    lifetime_in_seconds = 3600
  }
}

resource "auth0_resource_server" "fraud" {
  name             = "fraud"
  identifier       = "https://fraud.models.example.com"
  signing_alg      = "RS256"
  token_lifetime   = 3600
  enforce_policies = true
  token_dialect    = "access_token_authz"
}

resource "auth0_resource_server_scopes" "fraud" {
  resource_server_identifier = auth0_resource_server.fraud.identifier

  scopes {
    name        = "predict"
    description = "Ask the model"
  }
}

resource "auth0_client_grant" "checkout_fraud" {
  depends_on = [auth0_resource_server_scopes.fraud]
  client_id  = auth0_client.checkout.id
  audience   = auth0_resource_server.fraud.identifier
  scopes     = ["predict"]
}

resource "auth0_role" "analyst" {
  name        = "fraud-analyst"
  description = "May ask the model"
}

resource "auth0_role_permissions" "analyst" {
  depends_on = [auth0_resource_server_scopes.fraud]
  role_id    = auth0_role.analyst.id

  permissions {
    name                       = "predict"
    resource_server_identifier = auth0_resource_server.fraud.identifier
  }
}
