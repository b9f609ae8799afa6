"""The warehouse: its server, schema, migrations, staging and ledger."""
