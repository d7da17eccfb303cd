"""From a committed change to the sockets that it concerns."""
