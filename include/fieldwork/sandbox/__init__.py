"""A small invented city with servers that speak the vendors' APIs; the product never imports it."""
