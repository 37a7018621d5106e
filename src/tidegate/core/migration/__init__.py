"""Changes of databases: what a release's migrations do, what that endangers, and the safe way.

A migration is read, never run. What was read is a list of operations (``operation.py``); what an operation endangers
for the version that runs meanwhile is a hazard (``hazard.py``), and a policy says which hazards it refuses
(``judging.py``). What going back would mean follows from the same hazards (``way_back.py``).
"""

from __future__ import annotations
