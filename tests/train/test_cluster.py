"""What TF_CONFIG says, and workers that wait for each other."""

import json
import socket
import threading
import time

import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.train.cluster import Cluster


def environment(cluster, kind, index):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


@pytest.mark.parametrize(
    ("kind", "index", "position", "is_chief"), [("chief", 0, 0, True), ("worker", 0, 1, False), ("worker", 1, 2, False)]
)
def test_the_chief_comes_first(kind, index, position, is_chief):
    jobs = {"worker": ["b:1", "[::1]:2"], "chief": ["a:1"]}
    cluster = Cluster.from_environment(environment(jobs, kind, index))
    assert cluster == Cluster(("a:1", "b:1", "[::1]:2"), position)
    assert cluster.is_chief == is_chief


def test_without_a_chief_it_is_the_first_worker():
    workers = {"worker": ["a:1", "b:1"]}
    assert [Cluster.from_environment(environment(workers, "worker", index)).is_chief for index in (0, 1)] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "Received: none"),
        ("", "Received: none"),
        ("{", "JSONDecodeError"),
        ("[]", "'[]'"),
        ('{"cluster": {}}', "task"),
        (environment({}, "worker", 0), "none of the cluster"),
        (environment({"worker": ["a:1"]}, "worker", 1), "'index': 1}, which is none of"),
        (environment({"worker": ["a:1"]}, "worker", True), "none of the cluster"),
        (environment({"worker": ["a:1"]}, ["worker"], 0), "none of the cluster"),
        (environment({"worker": ["a"]}, "worker", 0), "the address 'a', not host:port"),
        (environment({"worker": ["a:0"]}, "worker", 0), "the address 'a:0'"),
        (environment({"worker": ["a:65536"]}, "worker", 0), "the address 'a:65536'"),
        (environment({"worker": [1]}, "worker", 0), "the address 1"),
        (environment({"worker": "a:1"}, "worker", 0), "not lists of addresses"),
        (environment({"ps": ["a:1"]}, "ps", 0), "not lists of addresses for chief and worker"),
        (environment({"worker": ["a:1", "a:1"]}, "worker", 0), "one address twice"),
    ],
)
def test_bad_tf_config_is_named(content, said):
    given = content if isinstance(content, dict) else {} if content is None else {"TF_CONFIG": content}
    with pytest.raises(InputError, match="TF_CONFIG, such as ") as error:
        Cluster.from_environment(given)
    assert said in str(error.value)


def addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = tuple(f"127.0.0.1:{opened.getsockname()[1]}" for opened in sockets)
    for opened in sockets:
        opened.close()
    return found


def test_workers_wait_for_one_that_starts_later_and_free_their_ports():
    cluster, met = addresses(3), []

    def worker(index):
        time.sleep(0.5 * index)
        Cluster(cluster, index).meet(30)
        # as TensorFlow's server does next, for which the others wait then
        with socket.create_server(("127.0.0.1", int(cluster[index].rpartition(":")[2]))):
            met.append(index)
            end = time.monotonic() + 30
            while len(met) < 3 and time.monotonic() < end:
                time.sleep(0.01)

    threads = [threading.Thread(target=worker, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(met) == [0, 1, 2]


def test_workers_that_do_not_answer_are_named_in_time():
    own, there, *missing = addresses(4)
    listening = socket.create_server(("127.0.0.1", int(there.rpartition(":")[2])))
    with listening, pytest.raises(InputError, match=f"No answer from {missing[0]}, {missing[1]}\\."):
        Cluster((own, there, *missing), 0).meet(0.5)


def test_a_port_in_use_is_named():
    with socket.create_server(("", 0)) as taken:
        own = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match=f"{own}, whose port must be free"):
            Cluster((own, "127.0.0.1:1"), 0).meet(0.5)
