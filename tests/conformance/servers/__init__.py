"""What judges the kit that judges servers: real servers, wrong servers, and which cases see what is wrong."""
