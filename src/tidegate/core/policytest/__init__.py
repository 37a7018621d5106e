"""Cases that say how a policy is to decide: what they may say, how they are asked, judged and counted. Values only.

form.py       the models: what a file of cases may say
times.py      times as cases write them
layers.py     named facts and a case's own, merged
names.py      what a case may name
trial.py      a case made ready: question, policies, facts, moment
judge.py      the decision held against what was expected
demands.py    what a policy demands, one by one
coverage.py   which demands a set of cases has tried
first.py      a first file of cases for a policy
"""

from __future__ import annotations

from tidegate.core.policytest.coverage import Coverage, coverage_of
from tidegate.core.policytest.demands import Demand, Way, demands_of
from tidegate.core.policytest.form import FORMAT, Case, CaseFile
from tidegate.core.policytest.judge import Judged, judged
from tidegate.core.policytest.layers import CaseError, CaseMistake
from tidegate.core.policytest.names import Names
from tidegate.core.policytest.trial import Trial, trial_of

__all__ = [
    "FORMAT",
    "Case",
    "CaseError",
    "CaseFile",
    "CaseMistake",
    "Coverage",
    "Demand",
    "Judged",
    "Names",
    "Trial",
    "Way",
    "coverage_of",
    "demands_of",
    "judged",
    "trial_of",
]
