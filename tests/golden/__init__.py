"""Golden cases: small days in a person's words, and what the joined dataset must say about them.

``cases/<part>/<topic>.toml`` holds the cases, ``companies/<name>.toml`` the configuration that a file of cases asks
for (in the product's own format, laid over the shipped one). All cases of one company go through one build and one
publication; each has people, customers and places of its own, so that none can touch another.
``python -m tests.golden`` writes ``docs/cases.md`` from them.

A file of cases::

    title = "In time and late"
    about = "What the rule is, for a reader of docs/cases.md."
    company = "office"                     # companies/office.toml; the default
    day = 2026-11-03                       # the default

    [[case]]
    name = "a minute past the grace counts from the start"
    punches = "in 09:06, out 18:00"        # what is given: facts.py knows the words
    expect.attendance = { status = "late", late = 6 }    # what is published: expected.py knows the tables

Times are the company's wall clock; ``+1 06:02`` is on the day after the case's, ``-1 23:50`` on the day before.
"""
