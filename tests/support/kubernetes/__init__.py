"""A Kubernetes API for the tests: a real HTTP server, with the semantics that the driver relies on.

Written from the API's documentation: server-side apply and its conflicts (docs/reference/using-api/server-side-apply),
resource versions, dry runs and status codes (docs/reference/using-api/api-concepts), generations and conditions
(docs/concepts/workloads/controllers/deployment and statefulset), RBAC (docs/reference/access-authn-authz/rbac).
"""
