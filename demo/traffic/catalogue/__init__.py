"""The models that drive in the traffic world: a module a type, a shape a model."""
