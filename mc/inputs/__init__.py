"""The inputs of the model: one frozen pytree per noun, declared here, filled from the tables."""
