"""Evaluation: figures for dialogue, memory and ethics models."""
