"""Stories of ids: what two systems say of people, read after read, and whose the ids and their rows are then.

``identity/<topic>.toml`` holds the stories. All of them are told to one warehouse: the first reads of all stories are
one load on 3 November 2026, the second ones on the 6th, the third ones on the 9th; each story has ids, numbers and
addresses of its own, so that none can touch another. Who is not mentioned again is listed again as before.
``python -m tests.stories`` writes them into ``docs/identity.md``.

A file of stories::

    title = "Badges"
    about = "What the rule is, for a reader of docs/identity.md."

    [[case]]
    name = "a leaver's badge that a newcomer got is the newcomer's from the day of hiring"
    reads = [
        { people = "u1: no 001, Ann, hired 2020-01-01, left 2026-11-02", punches = "u1 on 02" },
        { people = "u1: no 077, Hal, mobile m2, hired 2026-11-04", punches = "u1 on 05" },
    ]
    links.u1 = "001 until 2026-11-04 (source), 077 from 2026-11-04 (source)"
    rows = { "u1 on 02" = "001", "u1 on 05" = "077" }
    touched = "077 on 05"

``people`` and ``users`` (of the CRM) are lines, ``id: what is known``; rows are ``id on day of November``: ``punches``,
``visits``; ``file`` has lines of identity.csv. What must be so after the last read: ``links`` of an id (none: no link),
``rows`` (the employee id, or held), ``asked`` (the questions, by id), ``posts`` of a person, ``touched`` (person-days
that the last read touched). What is not said is not asked, but for ``asked``: no question unless it says so.
"""
