"""An explanation as a lesson: what is said of each step, and its equations."""
