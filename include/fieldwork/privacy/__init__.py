"""What may be kept, for how long, and who looked."""
