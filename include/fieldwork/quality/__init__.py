"""Whether rows are good: suites, quarantine, counts."""
