"""Kinds of Azure Machine Learning: the connection, the workspace and what lives in it."""
