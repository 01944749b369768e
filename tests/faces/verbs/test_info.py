"""`info`: what a saved model is."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("as_users_run_it")


def test_info(run):
    told = json.loads(run("info pixels.jensen --json"))
    assert set(told) == {"model", "schema", "assembly", "training", "versions"}
    assert told["schema"]["kind"] == "binary"
    assert told["assembly"]["hidden"] == [8]
    text = run("info pixels.jensen")
    for word in ("binary 0 or 1", "bernoulli", "stopped: all epochs done", "jax "):
        assert word in text
