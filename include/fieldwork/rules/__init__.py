"""What the numbers mean: calendar, shifts, identity, place, the joined dataset."""
