"""Weights, to be compared one by one."""

import equinox as eqx
import jax
import numpy as np


def leaves(model):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(eqx.filter(model, eqx.is_array))]
