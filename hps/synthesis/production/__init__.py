"""Makes a data set of scene tables: shards, the processes that make them, manifests."""
