"""SecuredModelEndpoint: one manifest for a protected model, and how a new version of it gets its callers."""
