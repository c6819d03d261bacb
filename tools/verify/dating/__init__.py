"""A second, plain reading of facts and packs, by which the verifier dates a sample of records anew."""
