"""Lines and sentences that tables' rows and arrays' share."""

from typing import Any

__all__ = ["line", "on_copies", "on_distances", "on_unseen"]

# How improbable it must be that rows of strangers are as near, or as often the same.
_CHANCE = 1e-3


def line(name: str, *values: Any) -> str:
    """A name, and figures or heads of columns behind it."""
    return f"{name:42}" + "".join(
        f"{value:>12}" if isinstance(value, str) else f"{value:12.3f}" for value in values
    )


def on_distances(near: dict[str, Any]) -> list[str]:
    """Lines on distances to the closest training row."""
    one, other = near["synthetic"], near["held_out"]
    return [
        line("distance to the closest training row", "synthetic", "held out"),
        line("  median", one["median"], other["median"]),
        line("  5th percentile", one["p5"], other["p5"]),
        line("  share equal to a training row", one["copies"], other["copies"]),
        line("  share below the held-out rows' 5th", near["nearer"], near["nearer_held_out"]),
    ]


def on_unseen(known: int, fitted_to: int | None) -> list[str]:
    """That copies of rows that are not at hand go unseen, where there are such."""
    if fitted_to is None or fitted_to <= known:
        return []
    return [
        f"Only {known:,} of the {fitted_to:,} rows that the model was fitted to are at hand: copies"
        " of the others go unseen."
    ]


def on_copies(near: dict[str, Any]) -> str:
    """Whether rows are copies of training rows, from distances to these."""
    equal, strangers = near["synthetic"]["copies"], near["held_out"]["copies"]
    tied = near["held_out"]["p5"] == 0
    found = {
        "p_nearer": f"{near['nearer']:.1%} of the synthetic rows lie nearer to a training row than"
        " all but 5% of the held-out rows do",
        "p_copies": f"{equal:.1%} of the synthetic rows are equal to a training row, and so are"
        f" {strangers:.1%} of the held-out rows",
    }
    sure = [words for name, words in found.items() if near[name] < _CHANCE]
    if sure and near["p_copies"] >= _CHANCE and near.get("p_to_training", 0.0) >= _CHANCE:
        return (
            f"No sign of copying, but of rows that vary too little: {found['p_nearer']}, and they"
            " lie as near to held-out rows."
        )
    if sure:
        return (
            f"Copying: {', and '.join(sure)}. Do not give these rows away as nobody's; try a"
            " smaller latent_dim, a larger weight_decay, or more rows."
        )
    # Nothing is nearer than those at no distance.
    return f"No sign of copying: {found['p_copies' if tied else 'p_nearer']}."
