"""What a model is made of, one concept a file: priors, likelihoods, encoders, networks."""
