"""bootjack beside its peers: one run measures every server with the same bootstrap and the same load."""
