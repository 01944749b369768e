import os
import pyro
import pyro.distributions as dist
import torch
from _common import Job, read_job, report, time_windows
from _torch import mlp
from pyro.infer import SVI, TraceMeanField_ELBO, JitTraceMeanField_ELBO
from pyro.optim import Adam
from torch import nn
V=os.environ.get("V","svi")

class VAE(nn.Module):
    def __init__(self, job: Job):
        super().__init__()
        self.latent = job.latent
        self.encoder = mlp(job.encoder_widths)
        self.decoder = mlp(job.decoder_widths)

    def model(self, x):
        pyro.module("decoder", self.decoder)
        with pyro.plate("rows", x.shape[0]):
            zeros = x.new_zeros(x.shape[0], self.latent)
            z = pyro.sample("z", dist.Normal(zeros, torch.ones_like(zeros)).to_event(1))
            p=dist.Bernoulli(torch.sigmoid(self.decoder(z))) if os.environ.get("P") else dist.Bernoulli(logits=self.decoder(z))
            pyro.sample("x", p.to_event(1), obs=x)

    def guide(self, x):
        pyro.module("encoder", self.encoder)
        with pyro.plate("rows", x.shape[0]):
            mean, log_scale = self.encoder(x).chunk(2, dim=-1)
            pyro.sample("z", dist.Normal(mean, log_scale.exp()).to_event(1))


def main() -> None:
    job = read_job()
    pyro.enable_validation(False)
    torch.distributions.Distribution.set_default_validate_args(False)
    pyro.set_rng_seed(job.seed)
    X = torch.from_numpy(job.load())
    vae = VAE(job)
    opt={"lr": job.learning_rate}
    if "fused" in V: opt["fused"]=True
    if V.startswith("torch"):
        loss=TraceMeanField_ELBO()
        E=loss.differentiable_loss
        o=torch.optim.Adam(vae.parameters(),**opt)
        def step(x):
            o.zero_grad(); l=E(vae.model,vae.guide,x); l.backward(); o.step(); return l.item()
    else:
        loss=JitTraceMeanField_ELBO(ignore_jit_warnings=True) if "jit" in V else TraceMeanField_ELBO()
        step = SVI(vae.model, vae.guide, Adam(opt), loss=loss).step
    DL=torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X),batch_size=job.batch,shuffle=True)

    def train_epochs(epochs: int) -> float:
        for _ in range(epochs):
            if "dl" in V: loss=sum(step(x) for x, in DL)
            else: loss = sum(step(x) for x in X[torch.randperm(len(X))].split(job.batch))
        return -loss / len(X)

    seconds, elbo = time_windows(train_epochs, job, job.steps_per_epoch(len(X)))
    report("pyro", pyro.__version__, seconds, elbo)


if __name__ == "__main__":
    main()
