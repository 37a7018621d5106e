"""A policy that says something of everything: for tests that change one thing at a time.

It is well-formed and means nothing: no names are held against each other here.
"""

from __future__ import annotations

from typing import Any

_APPROVALS = [{"from": "leads", "count": 2}, {"from": "$owners", "as": "owner", "author_may": True}]
_WINDOWS = [{"days": "mon-thu", "from": "09:00", "to": "16:00"}, {"days": "fri", "from": "22:00", "to": "02:00"}]
_BLACKOUTS = [
    {"name": "year end", "from": "2026-12-18", "to": "2027-01-04", "except": ["hotfix"], "because": "quiet"},
    {"name": "fair", "from": "2026-05-01", "to": "2026-05-03", "environments": ["production"]},
]

EVERYTHING: dict[str, Any] = {
    "tidegate": 1,
    "organization": "Everything",
    "timezone": "Europe/Vienna",
    "rehearsal": "not the real one",
    "undecided": {"who": {"what": "who may", "default": "nobody", "at": ["permits.start"], "source": "page 3"}},
    "decided": {"when": "the board, in May"},
    "deviations": {"gates.tests": "we are few"},
    "people": {
        "ann": {
            "name": "Ann",
            "email": "ann@example.org",
            "groups": ["leads", "ops"],
            "trained": {"safety": "2026-01-02"},
        },
        "bob": {"name": "Bob", "groups": ["ops"], "disabled": True},
    },
    "groups": {
        "leads": {"title": "Leads", "duties": ["lead"], "quorum": 2, "trainings": ["safety"], "contact": "desk"}
    },
    "trainings": {
        "safety": {
            "title": "Safety",
            "before": ["start", "adopt"],
            "groups": ["ops"],
            "again": "365d",
            "form": "a workshop",
            "every": "quarterly",
        }
    },
    "contacts": {
        "desk": {
            "title": "The desk",
            "reach": "+43 1",
            "group": "ops",
            "acknowledges": "15m",
            "escalation": [{"after": "1h", "to": "desk"}],
        }
    },
    "permits": {"open": ["ops"], "start": ["ops", "ann"], "rollback": ["ops"], "hold": ["ann"], "adopt": ["leads"]},
    "assurance": "passkey",
    "adoption": {"approvals": _APPROVALS},
    "clients": {
        "acme": {
            "title": "Acme",
            "contacts": ["desk"],
            "windows": _WINDOWS,
            "blackouts": _BLACKOUTS,
            "approvals": _APPROVALS,
            "told": ["email:it@acme.example"],
            "requires": ["a call before"],
        }
    },
    "components": {
        "shop": {
            "kind": "module",
            "title": "Shop",
            "path": "shop",
            "shared": ["lib"],
            "tag": "shop-v{version}",
            "versions": "padded",
            "version_files": ["package.json"],
            "owners": "leads",
            "requires": {"platform": ">=3.1.0"},
            "artifacts": [
                {"image": "registry.example/shop", "tags": ["{version}"], "context": "shop", "dockerfile": "Image"},
                {"archive": "shop", "format": "zip"},
            ],
            "migrations": "shop/migrations",
            "config": {"production": "shop/production.yaml"},
            "targets": {"production": {"driver": "host", "hosts": ["a", "b"], "port": 1}},
            "client": "acme",
            "windows": _WINDOWS,
            "timezone": "Europe/Vienna",
        },
        "platform": {"kind": "platform"},
    },
    "registries": {
        "registry.example": {
            "user": "robot",
            "secret": {"env": "REGISTRY_PASSWORD"},
            "ca": "registry.pem",
            "plain_http": True,
        }
    },
    "versioning": {
        "prereleases": ["alpha", "beta"],
        "bumps": [{"at_least": "minor", "says": "a new table", "paths": ["shop/migrations"], "kinds": ["feat"]}],
        "unconventional": "refuse",
    },
    "branches": {
        "main": {
            "pattern": "main",
            "from": "production-tag",
            "protected": True,
            "allows": ["feat", "fix"],
            "cherry_picks": True,
            "tag": "v{version}",
            "merges_into": "main",
            "locks_at": "frozen",
        }
    },
    "migrations": {
        "rule": "reversible",
        "dialect": "postgres",
        "tool": "sql",
        "reversible": True,
        "drop_columns": "next-major",
        "new_columns": "any",
        "narrow_types": "any",
        "locks": "short",
        "waiver": {"by": {"from": "leads"}, "lasts": "2d"},
        "back": ["down", "{version}"],
    },
    "trains": {
        "modules": {
            "of": {"kind": "module"},
            "every": "2 weeks on tuesday at 10:00",
            "from": "2026-02-10",
            "lasts": "2h",
        },
        "shop": {"of": {"component": "shop"}, "every": "month on first monday at 10:00", "to": "staging"},
    },
    "calendar": {
        "blackouts": _BLACKOUTS,
        "dates": [{"date": "2026-02-10", "of": "notes", "event": "spring", "train": "modules", "tag": "v1"}],
        "maintenance": [
            {
                "name": "sunday",
                "days": "sun",
                "from": "01:00",
                "to": "03:00",
                "environments": ["production"],
                "types": ["minor"],
            }
        ],
        "holidays": [{"country": "AT", "subdivision": "9", "except": ["hotfix"]}, {"country": "DE"}],
        "business_cycles": [
            {
                "name": "closing",
                "every": "month on last friday at 00:00",
                "from": "2026-01-01",
                "lasts": "2d",
                "closed": True,
                "except": ["hotfix"],
            }
        ],
    },
    "milestones": {
        "frozen": {
            "title": "Frozen",
            "at": "-14d",
            "types": ["minor"],
            "allow": ["fix"],
            "locks_branch": True,
            "checklist": "ready",
        }
    },
    "processes": {
        "normal": {
            "phases": [
                {"name": "build", "lasts": "2-5 days", "does": ["build"], "allows": ["feat", "fix"]},
                {"name": "test", "allows": []},
            ]
        }
    },
    "release_types": {
        "minor": {
            "bump": "minor",
            "title": "Minor",
            "frequency": "monthly or as needed",
            "content": ["features"],
            "allows": ["feat", "fix"],
            "criteria": ["none"],
            "horizon": "1-2 months",
            "timeline": "1-3 days",
            "process": "normal",
            "change": "normal",
            "documents": ["plan"],
            "checklists": ["ready"],
            "notice": "7d",
            "gates": ["tests", "coverage"],
            "approvals": _APPROVALS,
        },
        "hotfix": {
            "bump": "patch",
            "from": "production-tag",
            "skips": ["train", "notice"],
            "gates": ["tests"],
            "afterwards": {
                "post_mortem": "5d",
                "retrospective_approval": _APPROVALS,
                "approval_within": "2d",
                "documents": ["report"],
                "review": "after",
            },
        },
    },
    "release_templates": {
        "spring": {
            "title": "Spring",
            "type": "minor",
            "components": ["shop"],
            "documents": ["plan"],
            "checklists": ["ready"],
        }
    },
    "gates": {
        "tests": {
            "title": "Tests",
            "evidence": ["junit"],
            "source": "ci",
            "pass": "tests.total > 0 && tests.failed == 0",
            "fresh": "7d",
            "types": ["minor"],
            "waiver": {"by": {"from": "leads", "count": 2}, "lasts": "1d"},
        },
        "coverage": {"evidence": ["coverage"], "pass": "coverage.line >= 0.80"},
    },
    "documents": {
        "plan": {
            "title": "Plan",
            "path": "docs/{version}.md",
            "template": "templates/plan.md",
            "sections": ["Why", "What"],
            "only": "breaking",
            "reviewed_by": "leads",
            "audience": ["users"],
        }
    },
    "checklists": {
        "ready": {
            "title": "Ready",
            "items": {
                "tested": {
                    "says": "it is tested",
                    "by": "ops",
                    "gate": "tests",
                    "types": ["minor"],
                    "only": "migrations",
                },
                "told": {"says": "they are told", "document": "plan", "heading": "Before"},
            },
        }
    },
    "changes": {
        "required": ["production"],
        "workflow": [{"name": "ask", "says": "ask for it", "by": "ops"}, {"name": "answer", "says": "answer it"}],
        "categories": {
            "normal": {
                "title": "Normal",
                "preapproved": True,
                "catalogue": ["a restart"],
                "approvals": _APPROVALS,
                "steps": ["ask"],
                "within": "2d",
                "board": "leads",
            }
        },
        "risk": {
            "levels": ["low", "medium", "high"],
            "matrix": {"low": {"low": "low", "high": "medium"}, "high": {"high": "high"}},
            "mitigations": {"high": ["a drill", "a backup"]},
            "strategies": ["small steps"],
        },
        "tickets": "the tracker",
    },
    "environments": {
        "staging": {"purpose": "staging", "gates": ["tests"]},
        "production": {
            "purpose": "production",
            "title": "The real one",
            "data": "live",
            "access": ["ops"],
            "mirror_of": "staging",
            "promotion": {"trigger": "staging is good", "when": ["daily"]},
            "deploy_from": ["main", "tag"],
            "after": [{"environment": "staging", "soak": "24h"}],
            "gates": ["coverage", "tests"],
            "approvals": _APPROVALS,
            "documents": ["plan"],
            "checklists": ["ready"],
            "backups": ["db"],
            "windows": _WINDOWS,
            "freeze": {"before": "2d", "allow": ["fix", "docs"]},
            "strategy": {"rolling": {"batch": "25%", "max_unavailable": 1, "checkpoint": "5m"}},
            "may_use": ["careful"],
            "smoke": ["tools/smoke", "production"],
            "health": [{"url": "https://shop.example/health", "contains": "ok"}],
            "config": {"encrypted": True, "level": 3, "mode": "strict"},
            "permits": {"start": ["leads"]},
            "assurance": "session",
        },
    },
    "strategies": {
        "careful": {"canary": {"switch": "edge", "steps": [{"weight": "5%", "for": "1h"}, {"weight": "50%"}]}},
        "swift": {"blue_green": {"switch": "edge", "keep_warm": "2h"}},
        "hidden": {"feature_flag": {"flag": "new", "steps": [{"weight": "10%"}]}},
    },
    "pipelines": {
        "must_have": ["build", "test"],
        "each": {
            "ci": {
                "on_tag": "v*",
                "tool": "a CI",
                "stages": [
                    {"does": "build", "run": ["make"]},
                    {"does": "test", "environment": "staging", "gate": "tests"},
                ],
                "of": ["shop"],
            }
        },
    },
    "backups": {
        "db": {
            "title": "The database",
            "by": "pg_dump",
            "fresh": "24h",
            "verified": False,
            "offsite": {"to": "remote:backups", "verified": False},
            "restored_every": "90d",
            "environments": ["production"],
        },
        "dump": {
            "title": "The dump",
            "of": {"postgres": {"url": {"env": "DATABASE"}, "scratch": {"file": "secrets/scratch"}}},
            "kept_in": "/var/backups/shop",
            "keep": 14,
            "take": "before-release",
        },
        "uploads": {"title": "Uploads", "of": {"files": {"directory": "/srv/uploads", "without": ["cache"]}}},
        "mirror": {"title": "Mirror", "of": {"mysql": {"url": {"env": "MIRROR"}, "scratch": {"env": "SPARE"}}}},
        "own": {
            "title": "Our own",
            "of": {
                "command": {
                    "take": ["ours", "{file}"],
                    "verify": ["check", "{file}"],
                    "restore": ["back", "{file}", "{to}"],
                    "figures": ["count", "{to}"],
                    "remove": ["drop", "{to}"],
                }
            },
        },
    },
    "watch": {
        "production": {
            "for": "24h",
            "baseline": "previous-version",
            "observes": ["the queue"],
            "monitor": "the desk",
            "every": "30s",
            "metrics": {"requests": "requests_total", "errors": "errors_total"},
            "roll_back_when": [{"error_rate": "> 5%"}, {"response_time": "> 2x baseline"}, {"health_check": "failed"}],
        }
    },
    "rollback": {
        "document": "plan",
        "templates": "templates/rollback",
        "validated": True,
        "criteria": ["it is bad"],
        "automatic_attempts": 2,
        "application": "by link",
        "database": "it stays",
        "configuration": "by link",
        "emergency": ["tools/back"],
        "validation": ["tests"],
        "documents": ["report"],
    },
    "drills": {
        "restore": {
            "title": "Restore",
            "of": "restore",
            "every": "quarterly",
            "by": "ops",
            "acknowledge_within": "15m",
            "blocks": True,
        }
    },
    "emergency": {"steps": ["call"], "acknowledge_within": "15m", "call": ["desk"], "post_mortem": "5d"},
    "communication": [
        {"at": "-7d", "to": ["slack:#eng", "users"], "say": "announced", "types": ["minor"], "acknowledge": True},
        {"at": "-2d", "to": ["slack:#eng"], "say": "announced", "does": ["call"]},
        {"on": "release.completed", "to": ["email:all@example.org"], "say": "released"},
    ],
    "audiences": {"users": {"title": "Users", "to": ["email:users@example.org"], "groups": ["ops"]}},
    "templates": {"hello": {"title": "Hello", "text": "Hello {component}"}, "file": {"path": "templates/hello.txt"}},
    "meetings": {"weekly": {"title": "Weekly", "every": "weekly", "groups": ["ops"]}},
    "tasks": {"tell": {"says": "tell them", "due": "0-24 hours", "by": "ops", "types": ["minor"]}},
    "reviews": {
        "after": {"title": "After", "after": "5d", "by": "ops", "looks_at": ["the log"], "tracks_improvements": True},
        "yearly": {"title": "Yearly", "every": "yearly"},
    },
    "success": [{"says": "nobody complains", "by": "ops", "gate": "tests", "after": "7d"}],
    "targets": {
        "lead_time": {"limit": "< 24h", "types": ["minor"], "title": "Lead time"},
        "ours": {"limit": ">= 80%", "metric": "success_rate"},
    },
    "reports": {"month": {"title": "Month", "every": "monthly", "to": ["users"], "contains": ["lead_time"]}},
    "retention": {"audit": "3650d", "documents": "365d", "evidence": "90d"},
    "compliance": ["the law"],
}
"""Every section and nearly every key, said."""
