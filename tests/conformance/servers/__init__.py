"""What judges the kit that judges servers: subjects, wrong servers, and what is known of them."""
