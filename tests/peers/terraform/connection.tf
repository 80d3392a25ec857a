resource "auth0_connection" "people" {
  name     = "people"
  strategy = "auth0"

  options {
    password_policy        = "good"
    brute_force_protection = true
    disable_signup         = true
  }
}

resource "auth0_connection_clients" "people" {
  connection_id   = auth0_connection.people.id
  enabled_clients = [auth0_client.checkout.id]
}
