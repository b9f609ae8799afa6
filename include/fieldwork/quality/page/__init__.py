"""A page for people about one run: what came, what was set aside and why, how it was before. No personal data."""
