"""Ports: one that somebody has is left to them, and another is found."""

import socket

from tools.stack import ports


def test_a_port_that_is_taken_is_left_to_who_has_it():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]

        chosen = ports.choose(taken)

        assert chosen != taken
        assert ports.answers(taken)
        assert not ports.answers(chosen)


def test_a_port_that_is_free_is_given_once():
    port = ports.choose()

    assert ports.choose(port) != port
