"""Training: corpora, the embedded base model, adapters and encoders."""
