"""Signed webhooks for middleware: Standard Webhooks signatures around CloudEvents 1.0, one POST an event.

``base`` says what an event and its fate are; ``signature``, ``envelope`` and ``address`` are the parts of a delivery;
``target`` delivers one event once; ``endpoints`` reads what the company configured.
"""
