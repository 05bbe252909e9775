"""A phone placed in a rig's world, from views of the board and the phone's own poses."""
