"""One function a step of the journey; values in, values out."""
