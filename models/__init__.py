"""The neural models: profiles, weights, loading, generation, embedding, training and evaluation."""
