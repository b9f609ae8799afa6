"""Does the warehouse hold what the sources hold: totals by day, and the records that make the difference, by name."""
