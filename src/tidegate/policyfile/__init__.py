"""The policy file: read within limits, checked, and every mistake told with its place and its remedy."""

from tidegate.policyfile.load import FILE_NAME, LoadedPolicy, check_targets, load_policy, policy_from_resolved
from tidegate.policyfile.mistakes import explain_mistake, explain_mistakes

__all__ = [
    "FILE_NAME",
    "LoadedPolicy",
    "check_targets",
    "explain_mistake",
    "explain_mistakes",
    "load_policy",
    "policy_from_resolved",
]
