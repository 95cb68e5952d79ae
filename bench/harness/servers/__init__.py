"""One file for each server that is measured."""
