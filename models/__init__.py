"""The neural models: profiles, weights, loading, generation, embedding, training and evaluation."""

import os

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the hub client is imported, so before any of it
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
