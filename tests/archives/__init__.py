"""Tests of the package `archives`."""
