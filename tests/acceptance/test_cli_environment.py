"""The settings of environments at the command line: compared, told, and never shown where they may be secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shop import Shop

CONFIG = """\
    config: {{api_endpoint: "https://{api}.example.org", database_connection: {db}, encryption_enabled: true,
      tls_min_version: "1.2", authentication_required: true, audit_logging_enabled: true}}
"""
SECRETS = ("hunter2hunter2", "correct-horse", "MIIEpAIBAAKCAQEA", "tok_live_51H8")

GOOD = """\
API_ENDPOINT=https://api.example.org
DATABASE_CONNECTION=prod-db
ENCRYPTION_ENABLED=true
TLS_MIN_VERSION=TLSv1.3
AUTHENTICATION_REQUIRED=true
AUDIT_LOGGING_ENABLED=true
DATA_CLASS=live
DB_PASSWORD=hunter2hunter2
QUEUE="amqp://shop:correct-horse@queue.internal/shop"
SIGNING_KEY="-----BEGIN RSA PRIVATE KEY-----
MIIEpAIBAAKCAQEA
-----END RSA PRIVATE KEY-----"
PAYMENT_TOKEN=tok_live_51H8
CACHE_MB=64
"""


class Company(Shop):
    """The shop, with what its environments must be configured to say."""

    def policy_text(self, *, head: str = "", minor: str = "") -> str:
        text = super().policy_text(head=head, minor=minor)
        staging = "    data: sanitised\n    mirror_of: production\n" + CONFIG.format(api="stage-api", db="stage-db")
        production = "    data: live\n    gates: [configuration]\n" + CONFIG.format(api="api", db="prod-db")
        text = text.replace(
            "  staging: {purpose: staging, gates: [tests], ",
            "  staging:\n    purpose: staging\n    gates: [tests, configuration]\n"
            + staging
            + "    permits: {start: [managers], "
            "rollback: [managers]}\n  other: {purpose: integration, gates: [tests], ",
        )
        text = text.replace("    purpose: production\n", "    purpose: production\n" + production)
        return text.replace(
            "gates:\n  tests",
            "gates:\n  configuration: {evidence: environment, pass: environment.violations == 0}\n  tests",
        )

    def file(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text)
        return path


@pytest.fixture
def company(tmp_path: Path, shop_keys: Path) -> Company:
    return Company(tmp_path / "shop", shop_keys)


def test_settings_as_the_policy_says_pass_the_gate_that_asks_for_them(company: Company) -> None:
    release = company.open()
    denied = company.run("check", release, "--for", "production", "--json").json
    assert "gate.configuration" in {f["rule"] for f in denied["findings"] if f["verdict"] == "cannot tell"}
    facts = company.file("production.env", GOOD)
    told = company.good("environment", "check", "production", "--facts", facts, "--release", release, by="rita")
    assert told.out.startswith("✓ 12 settings of production: all as the policy says\n")
    allowed = company.run("check", release, "--for", "production", "--json").json
    [gate] = [f for f in allowed["findings"] if f["rule"] == "gate.configuration"]
    assert gate["verdict"] == "allow"
    # It says nothing of another environment.
    staging = company.run("check", release, "--for", "staging", "--json").json
    assert {f["rule"]: f["verdict"] for f in staging["findings"]}["gate.configuration"] == "cannot tell"


def test_each_violation_is_told_with_what_is_expected(company: Company) -> None:
    bad = GOOD.replace("ENCRYPTION_ENABLED=true\n", "").replace("TLSv1.3", "TLSv1.1").replace("=live", "=synthetic")
    bad = bad.replace("https://api.example.org", "https://stage-api.example.org/v1") + "REPLICA=stage-db:5432\n"
    done = company.run("environment", "check", "production", "--facts", company.file("production.env", bad))
    assert done.code == 3
    assert done.out == (
        "✗ 12 settings of production: 5 not as the policy says\n"
        "  api_endpoint\n"
        "    expected https://api.example.org; there is stage-api.example.org, a host of\n"
        "    staging\n"
        "  encryption_enabled\n"
        "    expected true; there is nothing\n"
        "  tls_min_version\n"
        '    expected at least 1.2; there is "TLSv1.1"\n'
        "  replica\n"
        "    expected a host of production; there is stage-db, a host of staging\n"
        "  data_class\n"
        "    expected live; there is synthetic\n"
    )


def test_a_violation_becomes_evidence_that_denies(company: Company) -> None:
    release = company.open()
    facts = company.file("production.env", GOOD.replace("ENCRYPTION_ENABLED=true", "ENCRYPTION_ENABLED=false"))
    assert (
        company.run("environment", "check", "production", "--facts", facts, "--release", release, by="rita").code == 3
    )
    decision = company.run("check", release, "--for", "production", "--json").json
    [gate] = [f for f in decision["findings"] if f["rule"] == "gate.configuration"]
    assert gate["verdict"] == "deny"
    assert "environment.violations = 1" in gate["message"]


STAGING = """\
{"api_endpoint": "https://stage-api.example.org", "database_connection": "stage-db", "encryption_enabled": true,
 "tls_min_version": "TLSv1.3", "authentication_required": true, "audit_logging_enabled": true,
 "db": {"password": "hunter2hunter2"}, "payment_token": "another", "cache_mb": 32, "debug": false}
"""


def test_drift_is_a_table_of_keys_in_which_no_secret_stands(company: Company) -> None:
    release = company.open()
    words = ["--facts", str(company.file("s.json", STAGING)), "--against", str(company.file("p.env", GOOD))]
    done = company.good("environment", "check", "staging", *words, "--release", release, by="rita")
    table = done.out[done.out.index("drift from") : done.out.index("\n\n✓ added")]
    assert [line.split(maxsplit=1) for line in table.splitlines()[1:]] == [
        ["api_endpoint", "as declared"],
        ["audit_logging_enabled", "same"],
        ["authentication_required", "same"],
        ["cache_mb", "differs"],
        ["data_class", "only there"],
        ["database_connection", "as declared"],
        ["db_password", "secret, the same in both"],
        ["debug", "only here"],
        ["encryption_enabled", "same"],
        ["payment_token", "secret, differs"],
        ["queue", "only there"],
        ["signing_key", "only there"],
        ["tls_min_version", "same"],
    ]
    assert "drift from production: 5 of 13" in table
    shown = company.good("release", "show", release, "--json").json["evidence"]
    assert [(e["kind"], e["environment"], e["values"]) for e in shown] == [
        ("environment", "staging", {"violations": 0, "drift": 5})
    ]


def test_no_byte_of_a_secret_is_kept_or_said(company: Company) -> None:
    """Nowhere in the repository, the database, the log, the output: also where a file is broken."""
    release = company.open()
    production = company.file("p.env", GOOD.replace("prod-db", "db://x:correct-horse@y"))
    staging = company.file("s.json", STAGING)
    broken = [
        company.file("broken.yaml", f'password: "{SECRETS[0]}\nother: [\n'),
        company.file("broken.json", f'{{"password": "{SECRETS[0]}",, }}'),
        company.file("broken.env", f"A=1\n{SECRETS[0]}\n"),
        company.file("twice.env", f"A={SECRETS[0]}\nA={SECRETS[1]}\n"),
        company.file("list.yaml", f"- {SECRETS[0]}\n"),
    ]
    said = ""
    for more in ([], ["--json"], ["--verbose"]):
        for facts, where in ((production, "production"), (staging, "staging")):
            against = ["--against", str(production)] if where == "staging" else []
            words = ["environment", "check", where, "--facts", str(facts), *against, "--release", release, *more]
            done = company.run(*words, by="rita")
            said += done.out + done.err
        for file in broken:
            refused = company.run("environment", "check", "production", "--facts", file, *more)
            assert refused.code == 2, refused
            said += refused.out + refused.err
    said += company.good("release", "show", release, "--json").out + company.good("audit", "log", "--json").out
    kept = b"".join(path.read_bytes() for path in company.root.rglob("*") if path.is_file())
    for secret in SECRETS:
        assert secret not in said
        assert secret.encode() not in kept
    assert b"tg_evidence" in kept  # The database was looked at.


def test_what_is_compared_must_be_there(company: Company) -> None:
    facts = company.file("p.env", GOOD)
    nowhere = company.run("environment", "check", "moon", "--facts", facts)
    assert (nowhere.code, nowhere.out) == (5, "")
    assert 'the policy knows no environment "moon"' in nowhere.err
    mirrorless = company.run("environment", "check", "production", "--facts", facts, "--against", facts)
    assert mirrorless.code == 2
    assert "production mirrors no other environment" in mirrorless.err
    absent = company.run("environment", "check", "production", "--facts", "nowhere.env")
    assert absent.code == 5
    assert "there is no such file of settings" in absent.err
    kept = company.run("evidence", "add", company.open(), facts, "--kind", "environment", by="rita")
    assert kept.code == 2
    assert "settings may hold secrets, and are compared rather than kept" in kept.err


def test_what_runs_is_asked_of_the_units_themselves(shop: Shop) -> None:
    assert shop.good("policy", "adopt", by="rita").code == 0
    nothing = shop.good("environment", "look", "staging")
    assert nothing.out.startswith("✓ shop absent in staging\n  ✓  web1  absent")
    shop.ready()
    looked = shop.good("environment", "look", "staging").out
    assert looked.startswith("✓ shop 1.1.0 in staging\n  ✓  web1  1.1.0 ")
    by_hand = shop.host("staging", "web2") / "current"
    (shop.directory / "by-hand").mkdir()
    by_hand.unlink()
    by_hand.symlink_to(shop.directory / "by-hand")
    (shop.host("staging", "web3") / "current").unlink()
    told = shop.run("environment", "look", "staging")
    assert told.code == 1
    assert all(len(line) <= 80 for line in told.out.splitlines())
    seen = shop.run("environment", "look", "staging", "--component", "shop", "--json")
    assert (seen.code, seen.json["as_recorded"]) == (1, False)
    assert [bool(part["wrong"]) for part in seen.json["targets"][0]["parts"]] == [False, True, True]
    assert "> set it right where it runs; or record it as it is: tidegate adopt shop" in told.out
    (shop.directory / "hosts" / "staging").rename(shop.directory / "hosts" / "away")
    (shop.directory / "hosts" / "staging").write_text("no directory")
    silent = shop.run("environment", "look", "staging")
    assert silent.code == 1
    assert "  > see why it does not answer; or go back to the version before: tidegate" in silent.out
    assert shop.run("environment", "look", "nowhere").code == 5
    assert shop.run("environment", "look", "staging", "--component", "nothing").code == 5


class Configured(Shop):
    """The shop, whose staging has a configuration file."""

    def policy_text(self, *, head: str = "", minor: str = "") -> str:
        said = "    path: app\n    config: {staging: app/staging.env}\n"
        return super().policy_text(head=head, minor=minor).replace("    path: app\n", said)


def test_what_changes_in_a_configuration_is_told_as_it_is_written_there(tmp_path: Path, shop_keys: Path) -> None:
    shop = Configured(tmp_path / "shop", shop_keys)
    shop.good("deploy", shop.ready(), "staging", by="rita")
    shop.repository.commit("feat: configure", {"app/staging.env": "TIMEOUT=30\nDB_PASSWORD=secret:env:PW\ntimeout=1\n"})
    shop.good("release", "open", "shop", "--version", "1.2.0", by="rita")
    told = shop.run("deploy", "shop-1.2.0", "staging", "--dry-run").out
    assert "staging.env changes:\n  + DB_PASSWORD = secret:env:PW\n  + TIMEOUT = 30\n  + timeout = 1\n" in told
