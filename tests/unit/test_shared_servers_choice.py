"""Where the tests' shared servers come from, chosen without an engine being there."""

import re

import pytest

from tests import servers
from tools.stack.errors import StackError

ASKS_LOCAL = {"TENURE_TEST_SERVERS": "local"}
ASKS_CONTAINERS = {"TENURE_TEST_SERVERS": "containers"}


def answers():
    return "28.2.2"


def has_images():
    return None


def answers_not():
    raise StackError("no container engine answers: nobody is there")


def has_no_images():
    raise StackError("the container engine has no image apache/kafka:4.3.1 and cannot fetch it: no network")


@pytest.mark.parametrize(
    ("environment", "asked", "said"),
    [
        pytest.param({}, [answers, has_images], r"containers \(the engine 28\.2\.2 answers; .*=local", id="an engine"),
        pytest.param({}, [answers_not, has_images], r"local \(no container engine answers: nobody", id="no engine"),
        pytest.param({}, [answers, has_no_images], r"local \(the container engine has no image", id="no images"),
        pytest.param(ASKS_LOCAL, [answers, has_images], r"local \(TENURE_TEST_SERVERS asks", id="local by name"),
        pytest.param(ASKS_CONTAINERS, [answers, has_images], r"containers \(", id="containers by name"),
    ],
)
def test_it_takes_containers_where_it_can_and_says_why_it_does_not(environment, asked, said):
    assert re.match(said, str(servers.choose(environment, *asked)))


@pytest.mark.parametrize("missing", [answers_not, has_no_images])
def test_containers_that_were_asked_for_are_never_replaced(missing):
    with pytest.raises(StackError, match="engine"):
        servers.choose(ASKS_CONTAINERS, missing)


def test_an_unknown_word_is_refused_by_its_name():
    with pytest.raises(StackError, match="TENURE_TEST_SERVERS is 'docker'; it is local or containers, or not set"):
        servers.choose({"TENURE_TEST_SERVERS": "docker"}, answers)


def test_a_socket_that_nobody_listens_at_is_no_engine(tmp_path):
    with pytest.raises(StackError, match="no container engine answers"):
        servers.engine({"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"})
