"""The webhooks' own outbox (``ops.webhook_event``): what changed for each endpoint, in what order it goes, what became
of it.

The CRM's outbox holds at most one waiting change a record, since there only the latest state counts. Here every change
is an event that is delivered or becomes a dead letter, and a person's events keep their order.
"""
