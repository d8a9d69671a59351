"""The parts of the main job that more than one command uses."""
