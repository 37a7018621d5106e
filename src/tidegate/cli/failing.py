"""How an error is told: for people on stderr, for programs as JSON."""

from __future__ import annotations

from typing import Any

from tidegate.cli.text import bad, clean, wrapped
from tidegate.errors import InternalError, PolicyError, RefusedError, TidegateError


def error_record(error: TidegateError) -> dict[str, Any]:
    """The shape of an error under ``--json``; a refusal carries its decision, a policy file all its mistakes."""
    record: dict[str, Any] = {
        "kind": error.kind,
        "what": error.what,
        "where": error.where,
        "remedy": error.remedy,
    }
    if isinstance(error, PolicyError) and len(error.mistakes) > 1:
        record["mistakes"] = [{"what": m.what, "where": m.where, "remedy": m.remedy} for m in error.mistakes]
    if files := getattr(error, "files", ()):
        record["files"] = [{"path": file.path, "what": file.what} for file in files]
    answer: dict[str, Any] = {"error": record}
    decision = getattr(error, "decision", None)
    if decision is not None:
        answer["decision"] = decision.as_dict()
    return answer


def error_lines(error: TidegateError) -> list[str]:
    """What went wrong, and what to do."""
    if isinstance(error, PolicyError) and error.mistakes:
        return _mistakes(error)
    if isinstance(error, RefusedError) and getattr(error, "judged", None) is not None:
        from tidegate.cli.render_decision import refusal_lines

        return refusal_lines(error)
    if isinstance(error, RefusedError) and getattr(error, "decision", None) is not None:
        from tidegate.cli.render_policy_change import refused_lines

        return refused_lines(getattr(error, "decision"))  # noqa: B009  a decision about a policy, of no release
    place = f"{clean(error.where)}: " if error.where else ""
    word = "" if isinstance(error, InternalError) and error.what.startswith("Tidegate failed") else "error: "
    lines = wrapped(f"{word}{place}{clean(error.what)}", "  ", first="")
    lines[0] = lines[0].replace("error:", bad("error:"), 1)
    for file in getattr(error, "files", ()):
        lines += wrapped(f"{clean(file.path)}: {clean(file.what)}", "      ", first="    ")
    return lines + wrapped(clean(error.remedy), "    ", first="  > ") if error.remedy else lines


def _mistakes(error: PolicyError) -> list[str]:
    from tidegate.policyfile.mistakes import explain_mistake

    lines = [line for mistake in error.mistakes for line in explain_mistake(mistake).split("\n")]
    if len(error.mistakes) > 1:
        lines.append(f"{len(error.mistakes)} mistakes")
    return lines
