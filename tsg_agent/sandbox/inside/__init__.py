"""Code of the sandbox's own processes. It imports only the standard library, numpy and pandas."""
