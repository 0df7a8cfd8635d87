"""Around the storage initializer: environments, servers that serve models, and servers that are none."""
