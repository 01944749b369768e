"""Annealed importance sampling, from below and from above, and certificates made of both."""

from jensen.evidence.annealing.annealed import Annealed, Annealing, annealed
from jensen.evidence.annealing.bidirectional import Bracket, bidirectional
from jensen.evidence.annealing.certify import Certified, certify

__all__ = ["Annealed", "Annealing", "Bracket", "Certified", "annealed", "bidirectional", "certify"]
