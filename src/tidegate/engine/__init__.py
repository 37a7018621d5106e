"""The durable workflows that carry rollouts forward; the only place that imports the workflow engine, DBOS Transact.

Rows lead, the engine carries: a rollout, a watch, a notice are rows with due times. A workflow is one *leg* between two
waits. Tidegate needs a handful of things of the engine, so that it stays replaceable: enqueue a leg in the deciding
transaction, run its steps, remember what each returned, run it again after a crash, and say how it stands.

    legs.py     what a leg is: its body, its steps, the errors that end it
    queue.py    LegQueue: enqueue, status, migrate; for every process
    runner.py   Engine: launch, wake, close; for processes that run legs
    keeper.py   brings back legs whose process died or whose checkpoint could not be written
    lease.py    who is alive, on PostgreSQL
    threads.py  bounded daemon threads
    polling.py  the signal that ends a wait for the next poll

ADR 0008 says why it is so.
"""
