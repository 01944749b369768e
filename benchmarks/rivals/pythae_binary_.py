"""Pythae: its `VAE` or `IWAE` trained on binary rows by its `BaseTrainer`, weights written down.

Takes one argument, JSON with `rows` and `held_out` (.npy files), `draws` (1 trains the VAE, more
the IWAE with so many), `hidden`, `latent`, `epochs`, `batch`, `learning_rate`, `seed`, and
`weights`, the .npz file to write, its layers named as `_carried.layers_of` reads them. Prints one
line of JSON: `version`, `seconds`, and `loss`, by epoch, of the held-out rows.

Networks are dense tanh layers; the encoder's last one holds mean and log-variance. The weights are
those that the trainer saves: after the epoch whose loss of the held-out rows was least. Of `IWAE`
that loss is no bound of the evidence: it is Σ w̃ log w, w̃ being the normalised weights of the
draws, and its gradient, w̃ held, is that of the bound, but its value is above the bound's, and by
more the more the weights vary.
"""

import json
import sys
import tempfile
import time
from typing import Any

import numpy as np
import torch
from _pythae import VERSION, Decoder, Encoder, Rows
from _torch import mlp
from pythae.models import IWAE, VAE, IWAEConfig, VAEConfig
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import nn


class Losses(TrainingCallback):
    """Keeps each epoch's loss of the held-out rows."""

    def __init__(self):
        self.found: list[float] = []

    def on_log(self, training_config, logs, **kwargs):
        self.found.append(float(logs["eval_epoch_loss"]))


def untrained(job: dict, features: int) -> VAE:
    widths = [features, *job["hidden"]]
    networks = {
        "encoder": Encoder(mlp([*widths, 2 * job["latent"]], nn.Tanh)),
        "decoder": Decoder(mlp([job["latent"], *widths[::-1]], nn.Tanh)),
    }
    shapes = {"input_dim": (features,), "latent_dim": job["latent"], "reconstruction_loss": "bce"}
    if job["draws"] == 1:
        return VAE(VAEConfig(**shapes), **networks)
    return IWAE(IWAEConfig(**shapes, number_samples=job["draws"]), **networks)


def arrays_of(vae: VAE) -> dict[str, Any]:
    arrays = {}
    for name, network in (("encoder", vae.encoder.layers), ("decoder", vae.decoder.layers)):
        layers = [layer for layer in network if isinstance(layer, nn.Linear)]
        for i, layer in enumerate(layers):
            arrays[f"{name}_weight{i}"] = layer.weight.detach().numpy()
            arrays[f"{name}_bias{i}"] = layer.bias.detach().numpy()
    return arrays


def main() -> None:
    job = json.loads(sys.argv[1])
    torch.manual_seed(job["seed"])
    rows, held_out = (torch.from_numpy(np.load(job[name])) for name in ("rows", "held_out"))
    losses = Losses()
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=job["epochs"],
            per_device_train_batch_size=job["batch"],
            per_device_eval_batch_size=job["batch"],
            learning_rate=job["learning_rate"],
            optimizer_cls="Adam",
            seed=job["seed"],
            no_cuda=True,
        )
        model = untrained(job, rows.shape[1])
        trainer = BaseTrainer(model, Rows(rows), Rows(held_out), config, [losses])
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start
    np.savez(job["weights"], **arrays_of(trainer._best_model))
    print(json.dumps({"version": VERSION, "seconds": seconds, "loss": losses.found}))


if __name__ == "__main__":
    main()
