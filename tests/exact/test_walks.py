"""Walks through the latent space, held against linear maps; and closest training rows."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.spatial.distance import cdist

from jensen import Model
from jensen.errors import OptionError
from jensen.queries import closest, interpolate, traverse

# Latent 2 moves x by most, latent 0 by less, and 1 is never used.
GAIN = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 4.0]], np.float32)


@pytest.fixture
def model():
    """x of shape (1, 2), as an image; E[z | x] = B x and E[x | z] = z G, linear both."""
    back = jnp.array([[0.5, 0.0], [0.001, 0.0], [0.0, 1.0]])
    return Model(
        dist.Normal(jnp.zeros(3), 1.0).to_event(1),
        lambda z: (z @ GAIN)[None],
        lambda h: dist.Normal(h, jnp.ones((1, 2))),
        lambda x, mask: dist.Normal(back @ x[0], 0.1).to_event(1),
    )


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(300, 1, 2)).astype(np.float32)


def test_a_line_goes_evenly_from_one_mean_to_the_other(model, rows):
    found = interpolate(model, rows[:3], rows[3:6], steps=5)
    assert found.shape == (3, 5, 1, 2)
    through = lambda x: x * np.array([0.5, 4.0])
    for step, t in enumerate([0, 0.25, 0.5, 0.75, 1]):
        expected = through((1 - t) * rows[:3] + t * rows[3:6])
        np.testing.assert_allclose(found[:, step], expected, rtol=1e-5, atol=1e-5)


def test_a_traversal_moves_one_active_latent_over_its_values(model, rows):
    found = traverse(model, rows, rows[:1], steps=4)
    assert found.latents.tolist() == [2, 0]
    codes = np.stack([0.5 * rows[:, 0, 0], rows[:, 0, 1]], axis=1)
    for latent, (of_z, entry) in enumerate([(codes[:, 1], 1), (codes[:, 0], 0)]):
        ends = np.quantile(of_z, [0.01, 0.99])
        np.testing.assert_allclose(found.values[latent], np.linspace(*ends, 4), rtol=1e-5)
        still = rows[0, 0] * [0.5, 4.0]
        expected = np.tile(still, (4, 1))
        expected[:, entry] = found.values[latent] * (1.0, 4.0)[entry]
        np.testing.assert_allclose(found.rows[latent][:, 0], expected, rtol=1e-4, atol=1e-5)
    about_the_mean = traverse(model, rows, steps=3).rows
    np.testing.assert_allclose(
        about_the_mean[0, :, 0, 0], np.full(3, codes[:, 0].mean()), atol=1e-5
    )


@pytest.mark.parametrize("steps", [0, 1])
def test_too_few_steps_are_refused(model, rows, steps):
    for walk in (
        lambda: interpolate(model, rows, rows, steps),
        lambda: traverse(model, rows, None, steps),
    ):
        with pytest.raises(OptionError, match="steps="):
            walk()


def test_lines_need_two_ends_and_traversals_a_latent_that_does_something(model, rows):
    with pytest.raises(OptionError, match="3 rows to begin at and 2 to end at"):
        interpolate(model, rows[:3], rows[:2])
    with pytest.raises(OptionError, match="no latent is active"):
        traverse(model, np.zeros_like(rows))


def test_the_closest_row_is_that_of_all_distances(rows):
    training, held_out, own = rows[:200], rows[200:280], rows[280:]
    own = np.concatenate([own, training[7:8]])
    found = closest(own, training, held_out)
    flat = lambda x: x.reshape(len(x), -1)
    apart = cdist(flat(own), flat(training))
    np.testing.assert_array_equal(found.rows, training[apart.argmin(axis=1)])
    np.testing.assert_allclose(found.distances, apart.min(axis=1), atol=1e-6)
    usual = cdist(flat(held_out), flat(training)).min(axis=1)
    expected = (usual[None] <= found.distances[:, None]).mean(axis=1)
    np.testing.assert_allclose(found.nearer, expected)
    # A copy is nearer than any row that nobody could have copied.
    assert found.distances[-1] == found.nearer[-1] == 0
    assert np.isnan(closest(own, training, held_out[:0]).nearer).all()
    with pytest.raises(OptionError, match="keep_rows"):
        closest(own, training[:0], held_out)
