"""The use cases, one module each: load, decide (core), record (store), act (engine, drivers).

house.py      the parts that every use case is given, joined once in ``app.py``
facts.py      gather what is known of a release
record.py     decision, audit leaf and their contents, in one transaction
identity.py   who acts, and how sure we are
refusal.py    what is refused without a decision: one ``denied`` leaf, and nothing else
adoption.py   ask whether a policy may replace the active one
proposal.py   propose a policy; approve it, reject it, take the answer back
policy.py, release.py, evidence.py, approval.py, hold.py, adopt.py, audit.py
sight.py      what the targets of a release run, looked at before it is decided
rollout.py    start, now or as soon as it may
checkpoint.py from wave to wave: go on, pause, finish
resuming.py   a person pauses, or takes a paused one on
rollback.py   go back, by the watch or by a person
leg.py        carry one wave: dispatch, read back, record
sweep.py      what is due: watches, doubts, waiting starts, messages
executor.py   who does all that: the worker
breakglass.py go back without the database (its journal: glass_journal.py; brought home by homecoming.py)
restore.py    after the database was restored from a backup
"""
