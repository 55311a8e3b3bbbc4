"""The seams: protocols for storage and scheduling, which a cluster may implement instead of this process."""
