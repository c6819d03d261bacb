"""Benchmarks: what `./tenure bench NAME` measures, beside the peers that do the same work in other ways."""
