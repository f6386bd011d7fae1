"""Texts about a data set for its readers: limitations, data set cards, data sheets."""
