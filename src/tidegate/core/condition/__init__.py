"""Conditions: what a gate asks of evidence, in CEL, answered with allow, deny or cannot tell.

    condition = compile("coverage.line >= 0.80", {"coverage": Record({"line": Scalar.DOUBLE})})
    outcome = condition.evaluate({"coverage": {"line": 0.71}})
    outcome.verdict                    # Verdict.DENY
    str(outcome.clauses[0])            # coverage.line >= 0.80: deny (coverage.line = 0.71; needs coverage.line >= 0.80)

``lexer`` and ``grammar`` read the text, ``check`` holds it against the schema, ``plan`` and ``steps`` compute it with
the engine at the leaves, ``values`` reads the evidence, ``evaluate`` joins them. Importing this package does not import
the engine; compiling the first condition does. The reference is docs/reference/conditions.md.
"""

from tidegate.core.condition.engine import engine_version
from tidegate.core.condition.errors import ConditionError
from tidegate.core.condition.evaluate import Clause, Condition, Outcome, Reading, compile  # noqa: A004
from tidegate.core.condition.types import ListOf, Record, Scalar, Schema, Type
from tidegate.core.condition.values import Values

__all__ = [
    "Clause",
    "Condition",
    "ConditionError",
    "ListOf",
    "Outcome",
    "Reading",
    "Record",
    "Scalar",
    "Schema",
    "Type",
    "Values",
    "compile",
    "engine_version",
]
