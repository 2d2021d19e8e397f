"""The training of the appearance network: crops of vehicles with identities, and a contrastive loss."""
