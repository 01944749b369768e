"""A posterior of two separated modes, of which the encoder knows one: what each estimator makes
of it, beside quadrature, and a picture of it for docs/evidence.md.

    python benchmarks/two_modes.py

Prints the figures of that page and writes `docs/images/two_modes.png`. Takes a quarter of a
minute.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from PIL import Image, ImageDraw, ImageFont
from scipy.special import logsumexp

from jensen import Model, evidence
from jensen.evidence.annealing.runs import pilot, run

IMAGE = Path(__file__).parents[1] / "docs" / "images" / "two_modes.png"
SIGMA, TURN = 0.6, 0.5**0.5
SHRINK = 1 / (1 + SIGMA**2)
# A little wider than the mode, as a proposal should be.
SPREAD = 1.1 * SIGMA * SHRINK**0.5
# Modes four of their standard deviations apart, and nine.
NEAR, FAR = (1.4, 0.5), (3.0, 0.5)
X = np.array([NEAR, FAR], np.float32)
TEMPERATURES = 200
HOW = evidence.Annealing(chains=64)
FROM_PRIOR = evidence.Annealing(chains=64, start="prior")

SIDE, REACH, GAP, HEAD = 360, 3.4, 16, 58
INK, BLUE, ORANGE, PAPER = (52, 58, 64), (63, 143, 214), (214, 98, 30), (255, 255, 255)


def decoder(z):
    """z, turned by an eighth, loses the sign of its first coordinate."""
    u, v = TURN * (z[0] + z[1]), TURN * (z[0] - z[1])
    return jnp.stack([jnp.abs(u), v])


def likelihood(h):
    return dist.Normal(h, SIGMA)


def encoder(x, mask):
    """The normal that fits the mode with u > 0, as one that maximises the ELBO would."""
    u, v = SHRINK * x[0], SHRINK * x[1]
    return dist.Normal(TURN * jnp.stack([u + v, u - v]), SPREAD).to_event(1)


def two_modes() -> Model:
    return Model(dist.Normal(jnp.zeros(2), 1.0).to_event(1), decoder, likelihood, encoder)


def by_quadrature(model: Model, rows: np.ndarray) -> np.ndarray:
    """log p(x) of each row: the sum of the joint density over a fine grid."""
    grid = np.linspace(-7, 7, 701)
    points = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2).astype(np.float32)
    joint = jax.jit(jax.vmap(model.log_joint, (None, 0)))
    area = 2 * np.log(grid[1] - grid[0])
    return np.array([logsumexp(np.asarray(joint(x, points), np.float64)) + area for x in rows])


def estimates(model: Model, rows: np.ndarray) -> dict[str, evidence.Estimate]:
    keys = jax.random.split(jax.random.key(0), 4)
    return {
        "ELBO": evidence.elbo(model, rows, keys[0]),
        "importance": evidence.importance(model, rows, keys[1], 1000),
        "annealed from q": evidence.annealed(model, rows, keys[2], TEMPERATURES, how=HOW),
        "annealed from the prior": evidence.annealed(
            model, rows, keys[3], TEMPERATURES, how=FROM_PRIOR
        ),
    }


def ends(model: Model, x: np.ndarray, how: evidence.Annealing) -> np.ndarray:
    """Where one row's chains end, chosen by their weights; shape (chains, 2)."""
    keys = jax.random.split(jax.random.key(1))
    program = how.program(model)
    settings = pilot(program, x[None], keys[0], how.chains, how.acceptance)
    schedule = settings.schedule(how.schedule, TEMPERATURES)
    found = run(program, x[None], keys[1], settings, schedule, how.chains)
    weights = np.exp(found.log_weights[0] - found.log_weights[0].max())
    ticks = (np.arange(how.chains) + 0.5) / how.chains
    chosen = np.searchsorted(np.cumsum(weights) / weights.sum(), ticks)
    return found.position[0][np.minimum(chosen, how.chains - 1)]


def panel(model: Model, x: np.ndarray, draws: np.ndarray) -> Image.Image:
    """The posterior in grey, q in blue with its two standard deviations, draws in orange."""
    axis = np.linspace(-REACH, REACH, SIDE)
    points = np.stack(np.meshgrid(axis, axis[::-1]), -1).reshape(-1, 2).astype(np.float32)
    density = np.asarray(jax.vmap(model.log_joint, (None, 0))(x, points)).reshape(SIDE, SIDE)
    shade = np.exp(density - density.max())[..., None]
    colours = np.array(PAPER) * (1 - 0.75 * shade) + np.array(INK) * 0.75 * shade
    image = Image.fromarray(colours.astype(np.uint8))
    pen = ImageDraw.Draw(image)
    across = lambda z: ((z[0] + REACH) / (2 * REACH) * SIDE, (REACH - z[1]) / (2 * REACH) * SIDE)
    q: Any = model.posterior(x)
    q = q.base_dist
    (a, b), radius = across(q.loc), float(q.scale.max()) / (2 * REACH) * SIDE
    for times in (1, 2):
        box = (a - times * radius, b - times * radius, a + times * radius, b + times * radius)
        pen.ellipse(box, outline=BLUE, width=2)
    for z in draws:
        a, b = across(z)
        pen.ellipse((a - 2.5, b - 2.5, a + 2.5, b + 2.5), fill=ORANGE)
    pen.rectangle((0, 0, SIDE - 1, SIDE - 1), outline=(200, 205, 210))
    return image


def picture(model: Model, told: dict[str, tuple[float, float]]) -> Image.Image:
    """Both starts, for the row whose modes are near each other."""
    image = Image.new("RGB", (2 * SIDE + 3 * GAP, HEAD + SIDE + GAP), PAPER)
    pen = ImageDraw.Draw(image)
    starts = {"annealed from q": HOW, "annealed from the prior": FROM_PRIOR}
    for number, (name, how) in enumerate(starts.items()):
        left = GAP + number * (SIDE + GAP)
        image.paste(panel(model, X[1], ends(model, X[1], how)), (left, HEAD))
        value, truth = told[name]
        pen.text((left, 10), name, fill=INK, font=ImageFont.load_default(17))
        line = f"log p(x) {value:.2f}, by quadrature {truth:.2f}"
        pen.text((left, 33), line, fill=INK, font=ImageFont.load_default(14))
    return image


def main() -> None:
    model = two_modes()
    truth = by_quadrature(model, X)
    found = estimates(model, X)
    print(f"{'':26}{'near':>30}{'far':>30}")
    print(f"{'quadrature':26}{truth[0]:30.3f}{truth[1]:30.3f}")
    for name, each in found.items():
        khat = [np.nan, np.nan] if each.khat is None else each.khat
        cells = [
            f"{value:.3f} ± {error:.3f}, k̂ {k:.2f}"
            for value, error, k in zip(each.values, each.standard_errors, khat, strict=True)
        ]
        print(f"{name:26}" + "".join(f"{cell:>30}" for cell in cells))
    told = {name: (float(each.values[1]), float(truth[1])) for name, each in found.items()}
    picture(model, told).save(IMAGE, optimize=True)
    print(IMAGE)


if __name__ == "__main__":
    main()
