"""The command line, the local stack, the checks, and the tools that upstream systems and auditors use."""
