"""How outside systems are spoken to: HTTP and the vendor, no table of ours."""
