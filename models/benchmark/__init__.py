"""Benchmarks: the same turns for several servers of models, and figures of what each takes. Nothing of the product uses this."""
