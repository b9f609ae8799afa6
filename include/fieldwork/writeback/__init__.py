"""What goes back to the CRM: the difference, the outbox, the receipts."""
