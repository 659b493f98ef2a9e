"""What runs in the sandbox's own processes. Standard library, numpy and pandas only: the rest stays outside."""
