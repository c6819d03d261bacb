"""What the stack refuses, in one sentence that says what to do."""


class StackError(Exception):
    """Something this machine lacks or something that did not start; the message names the mend."""


class Missing(StackError):
    """Something that Apache Kafka needs is not on this machine; the embedded broker is used instead."""
