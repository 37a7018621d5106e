"""A policy that is right, for tests to spoil."""

GOOD = """\
# yaml-language-server: $schema=./tidegate.schema.json
tidegate: 1
organization: 7D Solutions
timezone: America/Los_Angeles
people:
  alice: {name: Alice Example, email: alice@7d.example, groups: [billing-owners, module-team]}
  bob: {name: Bob Example, groups: [module-team, tech-leads]}
permits: {open: [alice], start: [tech-leads], rollback: [alice, bob]}
components:
  billing:
    kind: module
    path: modules/billing
    tag: "billing-v{version}"
    owners: billing-owners
    targets:
      staging: {driver: host, hosts: [a, b]}
      production: {driver: host, hosts: [a, b, c, d]}
trains:
  modules: {of: {kind: module}, every: 2 weeks on tuesday at 10:00, from: 2026-02-10}
calendar:
  blackouts:
    - {name: year end, from: 2026-12-18, to: 2027-01-04, except: [hotfix]}
release_types:
  minor:
    bump: minor
    notice: 7d
    gates: [tests]
    approvals: [{from: module-team, count: 2}, {from: $owners}]
  hotfix: {bump: patch, skips: [train, windows, freeze], gates: [tests], approvals: [{from: $owners}]}
gates:
  tests: {evidence: junit, pass: "tests.total > 0 && tests.failed == 0"}
environments:
  staging: {purpose: staging}
  production:
    purpose: production
    after: [{environment: staging, soak: 24h}]
    windows: [{days: mon-thu, from: "09:00", to: "16:00"}]
    freeze: {before: 2d, allow: [fix, docs]}
    strategy: {rolling: {batch: 25%}}
watch:
  production:
    for: 24h
    metrics: {requests: requests_total, errors: errors_total}
    roll_back_when: [{error_rate: "> 5%"}, {health_check: failed}]
communication:
  - {on: release.completed, to: "file:news.txt", say: released}
"""
